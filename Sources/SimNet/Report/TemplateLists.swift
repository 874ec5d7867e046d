// The text of the page; it is HTML, CSS and JavaScript, and the browser runs it.
extension ReportTemplate {
    /// The lists, the details and the search.
    static let lists = #"""
        // The lists on the right: only the rows in sight are in the page.
        function makeList(element, height, build) {
          const fill = element.firstElementChild, list = { rows: [], start: -1 };
          list.show = rows => {
            list.rows = rows;
            fill.style.height = rows.length * height + "px";
            list.start = -1;
            list.paint();
          };
          list.paint = () => {
            const first = Math.max(0, Math.floor(element.scrollTop / height) - 4);
            const last = Math.min(list.rows.length,
              first + Math.ceil(element.clientHeight / height) + 8);
            const parts = [];
            for (let k = first; k < last; k++) {
              parts.push('<div style="top:' + k * height + 'px" data-k="' + k + '" '
                + build(list.rows[k]) + "</div>");
            }
            fill.innerHTML = parts.join("");
          };
          list.reveal = k => {
            const y = k * height;
            if (y < element.scrollTop || y > element.scrollTop + element.clientHeight - height) {
              element.scrollTop = Math.max(0, y - element.clientHeight / 3);
            }
          };
          element.addEventListener("scroll", () => list.paint());
          element.addEventListener("click", event => {
            const item = event.target.closest("[data-k]");
            if (item) list.choose(list.rows[item.dataset.k]);
          });
          element.addEventListener("keydown", event => {
            const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
            if (!step || !list.rows.length) return;
            event.preventDefault();
            event.stopPropagation();
            const now = list.rows.findIndex(row => same(row, view.pick));
            list.choose(list.rows[Math.min(list.rows.length - 1, Math.max(0, now + step))]);
          });
          list.choose = row => choose(row, true);
          return list;
        }
        const opEvents = ops.map(item => ({ t: item.t, type: "op", item }));
        const swatch = name => "border-left-color:var(--" + name + ")";
        const historyList = makeList($("history"), 36, row => {
          const op = row.item, inView = op.t <= view.b && (op.e < 0 ? END : op.e) >= view.a;
          return 'class="item' + (inView ? "" : " out") + (same(row, view.pick) ? " picked" : "")
            + '"><span class="top"><span class="when">' + stamp(op.t).slice(0, -3)
            + '</span><span class="who">c' + op.client + '</span><span class="what">' + plain(op.text)
            + '</span></span><span class="result" style="color:var(--' + op.outcome + ')">'
            + plain(op.outcome === "done" ? "✔ " : op.outcome === "refused" ? "✖ " : "? ")
            + plain(op.result || op.outcome)
            + (op.e < 0 ? "" : '<span class="when"> after ' + lasting(op.e - op.t) + "</span>")
            + "</span>";
        });
        const eventList = makeList($("events"), 22, row => {
          const words = summary(row);
          return 'class="item event' + (same(row, view.pick) ? " picked" : "") + '" title="'
            + plain(words.what) + '"><span class="when">' + stamp(row.t)
            + '</span><span class="who" style="color:var(--' + words.color + ')">' + words.who
            + '</span><span class="what">' + plain(words.what) + "</span>";
        });
        historyList.rows = opEvents;
        let listTimer = 0, tab = "History", followed = true;

        function updateLists() {
          clearTimeout(listTimer);
          listTimer = setTimeout(fillLists, 60);
        }
        function fillLists() {
          if (document.body.classList.contains("wide")) return;
          if (tab === "History") {
            historyList.show(opEvents);
            if (followed) {
              const k = view.pick && view.pick.type === "op" ? view.pick.item.id
                : Math.max(0, lower(ops, view.b) - 1);
              historyList.reveal(k);
              historyList.paint();
            }
            const inView = ops.filter(o => o.t <= view.b && (o.e < 0 ? END : o.e) >= view.a).length;
            $("note").textContent = ops.length + " operations, " + inView + " in view";
          } else {
            const first = lower(EVENTS, view.a), rows = [];
            for (let k = first; k < EVENTS.length && EVENTS[k].t <= view.b; k++) {
              if (rows.length >= 20000) break;
              if (shown(EVENTS[k])) rows.push(EVENTS[k]);
            }
            eventList.show(rows);
            const k = view.pick ? rows.findIndex(row => same(row, view.pick)) : rows.length - 1;
            if (k >= 0) eventList.reveal(k);
            eventList.paint();
            $("note").textContent = rows.length >= 20000 ? "the first 20,000 events in view"
              : rows.length + " events in view, as filtered above";
          }
        }
        function selectTab(name) {
          tab = name;
          for (const each of ["History", "Events"]) {
            $("tab" + each).setAttribute("aria-selected", each === name);
            $(each.toLowerCase()).hidden = each !== name;
          }
          fillLists();
        }

        function showDetail() {
          const pick = view.pick;
          if (!pick) {
            $("detail").innerHTML = "<p>Choose an arrow, a bar, a node's line or a row below.</p>";
            return;
          }
          const { title, color, rows } = facts(pick);
          $("detail").innerHTML = '<h2><i style="background:var(--' + color + ')"></i>' + plain(title)
            + "</h2><dl>" + rows.map(([name, value]) => "<dt>" + name + "</dt><dd>"
              + plain(String(value)) + "</dd>").join("") + "</dl>";
          const jumps = [];
          if (pick.type === "message" && M.e[pick.i] >= 0) {
            jumps.push(["sending", M.t[pick.i]], ["arrival", M.e[pick.i]]);
          }
          if (pick.item && pick.item.e > pick.item.t) {
            jumps.push(["begin", pick.item.t], ["end", pick.item.e]);
          }
          const line = document.createElement("div");
          line.className = "jump";
          for (const [name, time] of jumps) {
            const button = document.createElement("button");
            button.textContent = "Go to " + name;
            button.onclick = () => reveal(time, false);
            line.append(button);
          }
          if (jumps.length) $("detail").append(line);
        }
        function choose(pick, moves) {
          view.pick = pick;
          showDetail();
          if (!pick) return changed();
          const t = pick.t === undefined ? M.t[pick.i] : pick.t;
          if (pick.type === "op" && moves && pick.item.e > 0
              && pick.item.e - pick.item.t > (view.b - view.a) * .9) {
            const around = (pick.item.e - pick.item.t) * .15;
            return setWindow(pick.item.t - around, pick.item.e + around);
          }
          if (moves) reveal(t, true); else changed();
        }

        // Search: texts first, for each stands once; then the names of kinds.
        let wanted = "", searchTimer = 0;
        function search(text) {
          wanted = text.trim().toLowerCase();
          view.matches = [];
          view.match = -1;
          if (wanted) {
            const inText = S.map(s => s.toLowerCase().includes(wanted));
            const inKind = KINDS.map(kind => spoken(kind).includes(wanted) || kind.includes(wanted));
            const inFate = FATES.map(fate => fate !== "arrived"
              && FATE_TEXT[fate].toLowerCase().includes(wanted));
            view.matches = EVENTS.filter(event => event.type === "message"
              ? inText[M.text[event.i]] || inKind[M.kind[event.i]] || inFate[M.fate[event.i]]
              : summary(event).what.toLowerCase().includes(wanted));
          }
          $("found").textContent = wanted ? view.matches.length + " found" : "";
          changed();
        }
        function step(by) {
          if (!view.matches.length) return;
          if (view.match < 0) {
            const middle = (view.a + view.b) / 2;
            view.match = lower(view.matches, middle) - (by < 0 ? 0 : 1);
          }
          view.match = (view.match + by + view.matches.length) % view.matches.length;
          $("found").textContent = view.match + 1 + " of " + view.matches.length;
          const event = view.matches[view.match];
          if (event.type === "message") setGroup(groupOf[M.kind[event.i]], true);
          choose(event, true);
        }

        """#
}
