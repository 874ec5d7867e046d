// The text of the page; it is HTML, CSS and JavaScript, and the browser runs it.
extension ReportTemplate {
    /// What moves with the pointer, and the strip.
    static let overlay = #"""
        // What moves with the pointer, the names on the left, and the strip of the whole run.
        function drawOver() {
          const g = fitCanvas(over, L.width, L.height);
          g.font = FONT;
          g.textBaseline = "middle";
          const time = view.cursor === null ? Math.min(view.b, END) : view.cursor;
          drawGutter(g, time);
          g.save();
          g.beginPath();
          g.rect(GUTTER, 0, L.plot, L.height);
          g.clip();
          if (view.cursor !== null) {
            const x = Math.round(X(view.cursor)) + .5, text = stamp(view.cursor) + " s";
            g.strokeStyle = C.faint;
            g.lineWidth = 1;
            g.beginPath();
            g.moveTo(x, AXIS);
            g.lineTo(x, L.height);
            g.stroke();
            const width = g.measureText(text).width + 10;
            const left = Math.min(Math.max(x - width / 2, GUTTER), L.width - width);
            g.fillStyle = C.ink;
            g.fillRect(left, 3, width, AXIS - 7);
            label(g, text, left + 5, AXIS / 2, width, C.bg);
          }
          if (view.pick) highlight(g, view.pick, 3);
          if (view.hover && !same(view.hover, view.pick)) highlight(g, view.hover, 2);
          g.restore();
        }

        function drawGutter(g, time) {
          g.fillStyle = C.panel;
          g.fillRect(0, 0, GUTTER, L.height);
          g.strokeStyle = C.line;
          g.lineWidth = 1;
          g.beginPath();
          g.moveTo(GUTTER - .5, 0);
          g.lineTo(GUTTER - .5, L.height);
          g.stroke();
          if (layerOn("faults") && netRows) label(g, "network", 12, L.net + 7, 100, C.soft);
          for (let n = 0; n < N; n++) {
            const y = L.y[n], { span, commit, apply } = stateAt(n, time);
            g.font = BOLD;
            label(g, "node " + (n + 1), 12, y - 15, 90, suspects.includes(n) ? C.bad : C.ink);
            g.font = FONT;
            if (!span || span.status > 0) {
              label(g, span ? STATUS[span.status] : "not started", 12, y + 1, 100, C.bad);
              continue;
            }
            g.fillStyle = termColor(span.term);
            g.fillRect(12, y - 4, 9, 9);
            label(g, ROLES[span.role] + " " + span.term, 26, y + 1, 90, C.ink);
            label(g, "commit " + (commit ? commit.index : 0), 12, y + 17, 100, C.soft);
            label(g, "applied " + (apply ? apply.index : 0), 12, y + 31, 100, C.soft);
          }
          if (!L.lane) return;
          for (let c = 0; c < CLIENTS; c++) {
            label(g, "client " + c, 12, L.y[N + c], 60, C.ink);
            label(g, D.clients[c], GUTTER - 8, L.y[N + c], 50, C.faint, "right");
          }
        }

        function highlight(g, what, width) {
          g.strokeStyle = C.ink;
          g.lineWidth = width;
          if (what.type === "message") {
            const k = findDrawn(what.i);
            if (k < 0) return;
            g.strokeStyle = C.accent;
            g.beginPath();
            g.moveTo(drawn[k + 1], drawn[k + 2]);
            g.lineTo(drawn[k + 3], drawn[k + 4]);
            g.stroke();
            g.fillStyle = C.accent;
            for (const d of [1, 3]) {
              g.beginPath();
              g.arc(drawn[k + d], drawn[k + d + 1], width + 1.5, 0, 7);
              g.fill();
            }
          } else if (what.type === "op" && L.lane) {
            const op = what.item, y = L.y[N + op.client], x = X(op.t);
            const end = X(op.e < 0 ? END : op.e);
            g.strokeStyle = C.accent;
            g.strokeRect(x - 1, y - L.lane / 2 + 1, Math.max(end - x, 3) + 2, L.lane - 2);
            g.globalAlpha = .1;
            g.fillStyle = C.accent;
            g.fillRect(x, AXIS, Math.max(end - x, 2), L.height);
            g.globalAlpha = 1;
          } else {
            const item = what.item || what, host = item.host, x = X(item.t);
            g.strokeStyle = C.accent;
            g.setLineDash([3, 3]);
            g.lineWidth = 1.2;
            g.beginPath();
            g.moveTo(x, AXIS);
            g.lineTo(x, L.height);
            g.stroke();
            g.setLineDash([]);
            if (host >= 0 && host < N) {
              g.lineWidth = width;
              g.beginPath();
              g.arc(x, L.y[host], 12, 0, 7);
              g.stroke();
            }
          }
        }
        function findDrawn(i) {
          for (let k = 0; k < drawn.length; k += 5) if (drawn[k] === i) return k;
          return -1;
        }

        // The strip: made once for each size, the window drawn over it.
        let stripImage = null, stripKey = "";
        function drawOverview() {
          const box = overview.getBoundingClientRect(), width = box.width, height = box.height;
          const g = fitCanvas(overview, width, height);
          const key = width + C.bg + layerOn("faults") + devicePixelRatio;
          if (key !== stripKey) {
            stripKey = key;
            stripImage = document.createElement("canvas");
            paintStrip(fitCanvas(stripImage, width, height), width, height);
          }
          g.drawImage(stripImage, 0, 0, width, height);
          const x = t => (t - FIRST) / (LAST - FIRST) * width;
          const a = x(view.a), b = Math.max(x(view.b), a + 3);
          g.fillStyle = C.bg;
          g.globalAlpha = .42;
          g.fillRect(0, 0, a, height);
          g.fillRect(b, 0, width - b, height);
          g.globalAlpha = 1;
          g.strokeStyle = C.accent;
          g.lineWidth = 2;
          g.strokeRect(a, 1, b - a, height - 2);
        }
        function paintStrip(g, width, height) {
          const x = t => (t - FIRST) / (LAST - FIRST) * width;
          g.fillStyle = C.panel;
          g.fillRect(0, 0, width, height);
          const low = height - 14, room = low - 6, tall = room / N;
          // How busy the network is.
          const counts = new Float64Array(Math.ceil(width) + 1);
          for (let i = 0; i < M.count; i++) counts[x(M.t[i]) | 0]++;
          const most = counts.reduce((a, b) => Math.max(a, b), 1);
          g.fillStyle = C.grid;
          counts.forEach((count, at) => {
            const h = room * Math.sqrt(count / most);
            g.fillRect(at, low - h, 1, h);
          });
          for (let n = 0; n < N; n++) {
            const y = 5 + tall * n;
            for (const span of spans[n]) {
              const a = x(span.t), w = Math.max(x(span.e) - a, .6);
              if (span.status > 0) {
                g.fillStyle = C.faint;
                g.fillRect(a, y + tall * .4, w, Math.max(1, tall * .15));
              } else {
                g.fillStyle = termColor(span.term);
                const h = span.role === 3 ? tall * .8 : tall * .3;
                g.fillRect(a, y + (tall - h) / 2, w, h);
              }
            }
          }
          if (layerOn("faults")) for (const bar of bars) {
            g.globalAlpha = .75;
            g.fillStyle = bar.host < 0 ? C.cut : C.fault;
            const y = bar.host < 0 ? 0 : 5 + tall * bar.host;
            g.fillRect(x(bar.t), y, Math.max(x(bar.e) - x(bar.t), 1.5), bar.host < 0 ? 3.5 : 2.5);
          }
          g.globalAlpha = 1;
          for (const list of spans) for (let i = 1; i < list.length; i++) {
            if (list[i].status > 0 && list[i - 1].status === 0) {
              const y = 5 + tall * (list[i].host + .5), at = x(list[i].t);
              g.strokeStyle = C.bad;
              g.lineWidth = 1.4;
              g.beginPath();
              g.moveTo(at - 2.5, y - 2.5); g.lineTo(at + 2.5, y + 2.5);
              g.moveTo(at + 2.5, y - 2.5); g.lineTo(at - 2.5, y + 2.5);
              g.stroke();
            }
          }
          g.font = FONT;
          g.textBaseline = "middle";
          for (const tick of ticks(FIRST, LAST, width / 80)) {
            label(g, tick.text, x(tick.t) + 3, height - 7, 80, C.faint);
            g.fillStyle = C.line;
            g.fillRect(x(tick.t), low, 1, 14);
          }
          if (D.settled >= 0) {
            g.fillStyle = C.good;
            g.fillRect(x(D.settled), 0, 1.5, low);
          }
          g.fillStyle = D.verdict[0] === "held" ? C.good : D.verdict[0] === "stuck" ? C.warn : C.bad;
          g.fillRect(x(END) - 1.5, 0, 3, height);
        }

        """#
}
