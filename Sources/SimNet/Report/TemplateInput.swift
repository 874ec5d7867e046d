// The text of the page; it is HTML, CSS and JavaScript, and the browser runs it.
extension ReportTemplate {
    /// Pointer, keys and filters.
    static let input = #"""
        // Pointer, keys and filters.
        const chips = [];
        function chip(name, color, count, isOn, press) {
          const button = document.createElement("button");
          button.className = "chip";
          button.style.setProperty("--dot", "var(--" + color + ")");
          button.innerHTML = "<i></i>" + name + (count === "" ? "" : " <small>" + count + "</small>");
          button.setAttribute("aria-pressed", isOn);
          button.onclick = press;
          $("chips").append(button);
          chips.push(button);
          return button;
        }
        function setGroup(index, isOn) {
          GROUPS[index].on = isOn;
          GROUPS[index].button.setAttribute("aria-pressed", isOn);
          changed();
        }
        GROUPS.forEach((group, index) => {
          group.button = chip(group.name, group.color, group.count || 0, group.on,
            () => setGroup(index, !group.on));
        });
        for (const layer of LAYERS) {
          const button = chip(layer.name, layer.color, "", layer.on, () => {
            layer.on = !layer.on;
            button.setAttribute("aria-pressed", layer.on);
            changed();
          });
        }

        // What stands under the pointer, nearest first.
        function hit(x, y) {
          if (x < GUTTER) return null;
          let best = 6, found = -1;
          for (let k = 0; k < drawn.length; k += 5) {
            const x0 = drawn[k + 1], y0 = drawn[k + 2], dx = drawn[k + 3] - x0, dy = drawn[k + 4] - y0;
            const along = ((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy || 1);
            const part = Math.max(0, Math.min(1, along));
            const distance = Math.hypot(x - x0 - part * dx, y - y0 - part * dy);
            if (distance < best) {
              best = distance;
              found = drawn[k];
            }
          }
          if (found >= 0 && best < 3) return { type: "message", i: found, t: M.t[found] };
          const time = T(x), near = 5 / L.scale;
          if (layerOn("faults")) for (const bar of bars) {
            const top = bar.host < 0 ? L.net + bar.row * 16 : L.y[bar.host] - 34 - bar.row * 15;
            if (y >= top && y <= top + 14 && time >= bar.t - near && time <= bar.e + near) {
              return { type: "bar", item: bar, t: bar.t };
            }
          }
          if (layerOn("faults") && y > AXIS && y < AXIS + 16) {
            const moment = nearest(moments.filter(m => m.kind === "fault"), time, near);
            if (moment) return { type: "moment", item: moment, t: moment.t };
          }
          if (L.lane && y > L.bottom + 8) {
            const client = Math.floor((y - L.bottom - 8) / L.lane), list = opsOf[client] || [];
            const part = (y - L.y[N + client] + L.lane / 2) / L.lane;
            const row = Math.min(2, Math.max(0, Math.floor(part * 3)));
            const there = list.filter(o => o.t <= time + near && (o.e < 0 ? END : o.e) >= time - near);
            const op = there.find(o => o.row === row) || there[0];
            if (op) return { type: "op", item: op, t: op.t };
          }
          for (let n = 0; n < N; n++) {
            const down = y - L.y[n];
            if (layerOn("disk") && down > 10 && down < 19) {
              const write = writesOf[n].find(w => w.t - near <= time
                && (w.e < 0 ? w.t : w.e) + near >= time);
              if (write) return { type: "write", item: write, t: write.t };
            }
            if (layerOn("commits") && down >= 18 && down < 36) {
              const step = nearest(down < 27 ? commitsOf[n] : appliesOf[n], time, near);
              if (step) return { type: "progress", item: step, t: step.t };
            }
            if (Math.abs(down) < 10 && found < 0) return { type: "node", host: n, t: Math.round(time) };
          }
          return found >= 0 ? { type: "message", i: found, t: M.t[found] } : null;
        }
        function nearest(list, time, reach) {
          const k = lower(list, time), before = list[k - 1], after = list[k];
          const first = before && (!after || time - before.t < after.t - time) ? before : after;
          return first && Math.abs(first.t - time) <= reach ? first : null;
        }

        const tip = $("tip");
        function showTip(what, x, y) {
          if (!what) {
            tip.style.visibility = "hidden";
            return;
          }
          const { title, rows } = facts(what);
          tip.innerHTML = "<b>" + plain(title) + "</b><br>" + rows.map(([name, value]) =>
            "<span>" + name + "</span> " + plain(String(value))).join("<br>");
          const box = tip.getBoundingClientRect();
          tip.style.left = Math.min(x + 14, innerWidth - box.width - 8) + "px";
          tip.style.top = (y + 16 + box.height > innerHeight ? y - box.height - 10 : y + 16) + "px";
          tip.style.visibility = "visible";
        }

        let drag = null;
        over.addEventListener("pointerdown", event => {
          over.focus({ preventScroll: true });
          over.setPointerCapture(event.pointerId);
          drag = { x: event.offsetX, a: view.a, b: view.b, moved: false };
        });
        over.addEventListener("pointermove", event => {
          if (drag) {
            const by = event.offsetX - drag.x;
            if (Math.abs(by) > 3) drag.moved = true;
            if (drag.moved) {
              over.classList.add("drags");
              showTip(null);
              const t = by / L.scale;
              setWindow(drag.a - t, drag.b - t);
            }
            return;
          }
          view.cursor = event.offsetX >= GUTTER ? Math.max(0, T(event.offsetX)) : null;
          view.hover = hit(event.offsetX, event.offsetY);
          over.classList.toggle("hits", !!view.hover);
          showTip(view.hover, event.clientX, event.clientY);
          changedOver();
        });
        over.addEventListener("pointerup", event => {
          over.classList.remove("drags");
          if (drag && !drag.moved) choose(hit(event.offsetX, event.offsetY), false);
          drag = null;
        });
        over.addEventListener("pointerleave", () => {
          view.cursor = view.hover = null;
          showTip(null);
          changedOver();
        });
        over.addEventListener("dblclick", event => zoom(.4, T(event.offsetX)));
        over.addEventListener("wheel", event => {
          event.preventDefault();
          showTip(null);
          if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
            pan((event.deltaX || event.deltaY) / 900);
          } else {
            zoom(Math.exp(Math.max(-120, Math.min(120, event.deltaY)) * .004), T(event.offsetX));
          }
        }, { passive: false });

        // The brush: drag draws a new window, dragging inside it moves it.
        let brush = null;
        const stripTime = x => FIRST + x / overview.clientWidth * (LAST - FIRST);
        overview.addEventListener("pointerdown", event => {
          overview.setPointerCapture(event.pointerId);
          const t = stripTime(event.offsetX), inside = t > view.a && t < view.b;
          const isWide = view.b - view.a > (LAST - FIRST) * .97;
          brush = { t, inside: inside && !isWide, a: view.a, b: view.b, x: event.offsetX };
        });
        overview.addEventListener("pointermove", event => {
          if (!brush) return;
          const t = stripTime(event.offsetX);
          if (brush.inside) return setWindow(brush.a + t - brush.t, brush.b + t - brush.t);
          if (Math.abs(event.offsetX - brush.x) <= 3) return;
          setWindow(Math.min(t, brush.t), Math.max(t, brush.t));
        });
        overview.addEventListener("pointerup", event => {
          if (brush && !brush.inside && Math.abs(event.offsetX - brush.x) <= 3) reveal(brush.t, false);
          brush = null;
        });

        function goToEnd() {
          const span = Math.min(view.b - view.a, 2e6);
          setWindow(END - span, END + span * .06);
        }
        function stepTurn(by) {
          const times = [...new Set(spans.flatMap(list => list.map(s => s.t)))].sort((a, b) => a - b);
          const middle = view.pick && view.pick.t !== undefined ? view.pick.t : (view.a + view.b) / 2;
          const k = by > 0 ? times.findIndex(t => t > middle) : times.findLastIndex(t => t < middle);
          if (k < 0) return;
          const item = spans.flat().find(span => span.t === times[k]);
          choose({ type: "span", item, t: item.t }, true);
        }
        const KEYS = [
          [["←", "→"], "move (with Shift: a whole window)"], [["+", "−"], "zoom"],
          [["0"], "the whole run"], [["f"], "where it ended"],
          [["Home", "End"], "begin and end of the run"],
          [["["], ["]"], "change of a node's role, term or process before and after"],
          [["/"], "search"], [["n"], ["N"], "match after and before"], [["h"], "heartbeats"],
          [["l"], "lists"], [["Esc"], "choose nothing"], [["?"], "this"],
        ];
        document.addEventListener("keydown", event => {
          if (event.target.matches("input")) {
            if (event.key === "Escape") over.focus();
            return;
          }
          if (event.ctrlKey || event.metaKey || event.altKey || $("keys").open) return;
          const act = {
            ArrowLeft: () => pan(event.shiftKey ? -1 : -.15),
            ArrowRight: () => pan(event.shiftKey ? 1 : .15),
            "+": () => zoom(.6), "=": () => zoom(.6), "-": () => zoom(1 / .6), "_": () => zoom(1 / .6),
            ArrowUp: () => zoom(.6), ArrowDown: () => zoom(1 / .6),
            0: () => setWindow(FIRST, LAST), f: goToEnd,
            Home: () => setWindow(FIRST, FIRST + view.b - view.a),
            End: () => setWindow(LAST - view.b + view.a, LAST),
            "[": () => stepTurn(-1), "]": () => stepTurn(1), "/": () => $("query").focus(),
            n: () => step(1), N: () => step(-1), l: () => $("side").click(),
            h: () => setGroup(5, !GROUPS[5].on), "?": () => $("help").click(),
            Escape: () => choose(null, false),
          }[event.key];
          if (!act) return;
          event.preventDefault();
          act();
        });
        $("in").onclick = () => zoom(.6);
        $("out").onclick = () => zoom(1 / .6);
        $("all").onclick = () => setWindow(FIRST, LAST);
        $("end").onclick = goToEnd;
        $("prev").onclick = () => step(-1);
        $("next").onclick = () => step(1);
        $("find").onsubmit = event => {
          event.preventDefault();
          step(1);
        };
        $("query").oninput = event => {
          clearTimeout(searchTimer);
          searchTimer = setTimeout(() => search(event.target.value), 200);
        };
        $("side").onclick = () => {
          document.body.classList.toggle("wide");
          changed();
        };
        $("help").onclick = () => $("keys").showModal();
        $("tabHistory").onclick = () => selectTab("History");
        $("tabEvents").onclick = () => selectTab("Events");

        """#
}
