// The text of the page; it is HTML, CSS and JavaScript, and the browser runs it.
extension ReportTemplate {
    /// What is shown and where.
    static let layout = #"""
        // What the window shows, and where each thing stands.
        const $ = id => document.getElementById(id);
        const chart = $("chart"), over = $("over"), overview = $("overview");
        const GUTTER = 118, AXIS = 24;
        const view = { a: 0, b: END, cursor: null, hover: null, pick: null, matches: [], match: -1 };
        const MARGIN = Math.max(1000, END * .004), FIRST = -MARGIN, LAST = END + MARGIN;
        const SHORTEST = 20;
        let C = {}, L = null;

        // Hues of terms; neighbours differ to every eye (after Paul Tol's light scheme).
        const TERMS = ["#77aadd", "#eedd88", "#ffaabb", "#44bb99", "#ee8866", "#99ddff", "#bbcc33",
          "#c3a6e0"];
        const termColor = term => TERMS[term % TERMS.length];

        function readTheme() {
          const style = getComputedStyle(document.documentElement);
          const names = ["bg", "panel", "line", "ink", "soft", "faint", "grid", "accent", "pick", "bad",
            "warn", "good", "append", "election", "snapshot", "read", "forward", "beat", "client",
            "lost", "done", "refused", "unknown", "pending", "down", "fault", "cut", "disk", "band"];
          C = {};
          for (const name of names) C[name] = style.getPropertyValue("--" + name).trim();
          for (const group of GROUPS) group.paint = C[group.color];
        }

        function fitCanvas(canvas, width, height) {
          const scale = window.devicePixelRatio || 1;
          const across = Math.round(width * scale), down = Math.round(height * scale);
          if (canvas.width !== across || canvas.height !== down) {
            canvas.width = across;
            canvas.height = down;
          }
          const g = canvas.getContext("2d");
          g.setTransform(scale, 0, 0, scale, 0, 0);
          g.clearRect(0, 0, width, height);
          return g;
        }

        const layerOn = id => LAYERS.find(layer => layer.id === id).on;
        const netBars = bars.filter(bar => bar.host < 0);
        const netRows = (() => {
          const ends = [];
          for (const bar of netBars) {
            let row = ends.findIndex(end => end <= bar.t);
            if (row < 0) row = ends.length < 4 ? ends.length : 0;
            ends[row] = bar.e;
            bar.row = row;
          }
          return ends.length;
        })();
        for (let host = 0; host < N; host++) {
          const ends = [];
          for (const bar of bars) {
            if (bar.host !== host) continue;
            let row = ends.findIndex(end => end <= bar.t);
            if (row < 0) row = ends.length < 3 ? ends.length : 0;
            ends[row] = bar.e;
            bar.row = row;
          }
        }

        function layout() {
          const box = $("stage").getBoundingClientRect();
          const width = box.width, height = box.height;
          const rows = layerOn("faults") ? netRows : 0;
          const top = AXIS + 18, net = rows * 16 + (rows ? 6 : 0);
          const share = height * .3 / Math.max(1, CLIENTS);
          const lane = layerOn("lanes") ? Math.max(14, Math.min(26, share)) : 0;
          const lanes = lane * CLIENTS, bottom = height - lanes - (lanes ? 8 : 0);
          const first = top + net + 52, last = bottom - 34;
          const y = [];
          for (let n = 0; n < N; n++) y.push(N === 1 ? (first + last) / 2
            : first + (last - first) * n / (N - 1));
          for (let c = 0; c < CLIENTS; c++) y.push(lane ? bottom + 8 + lane * (c + .5) : bottom + 4);
          L = { width, height, y, net: top, lane, bottom, plot: width - GUTTER,
            scale: (width - GUTTER) / (view.b - view.a) };
        }
        const X = t => GUTTER + (t - view.a) * L.scale;
        const T = x => view.a + (x - GUTTER) / L.scale;

        function setWindow(a, b) {
          let span = Math.min(Math.max(b - a, SHORTEST), LAST - FIRST);
          const middle = (a + b) / 2;
          a = Math.min(Math.max(middle - span / 2, FIRST), LAST - span);
          view.a = a;
          view.b = a + span;
          changed();
        }
        const zoom = (factor, t = (view.a + view.b) / 2) =>
          setWindow(t - (t - view.a) * factor, t + (view.b - t) * factor);
        function pan(part) {
          const by = part * (view.b - view.a);
          setWindow(view.a + by, view.b + by);
        }
        function reveal(t, keep) {
          const span = view.b - view.a;
          if (keep && t > view.a + span * .05 && t < view.b - span * .05) return changed();
          setWindow(t - span / 2, t + span / 2);
        }

        let due = false, told = 0;
        function changed() {
          if (due) return;
          due = true;
          requestAnimationFrame(() => {
            due = false;
            layout();
            draw();
            drawOverview();
            drawOver();
            updateLists();
            clearTimeout(told);
            told = setTimeout(() => {
              $("live").textContent = "From " + stamp(view.a) + " to " + stamp(view.b) + " seconds";
              try {
                history.replaceState(null, "", "#" + (view.a / 1e6).toFixed(6) + "-"
                  + (view.b / 1e6).toFixed(6));
              } catch { /* A browser may forbid it for files; the page works without. */ }
            }, 400);
          });
        }
        let dueOver = false;
        function changedOver() {
          if (dueOver || due) return;
          dueOver = true;
          requestAnimationFrame(() => {
            dueOver = false;
            drawOver();
          });
        }

        // The steps of an axis: 1, 2 or 5 times a power of ten microseconds.
        function ticks(a, b, room) {
          const least = (b - a) / room;
          let step = Math.pow(10, Math.floor(Math.log10(least)));
          for (const factor of [1, 2, 5, 10]) if (step * factor >= least) { step *= factor; break; }
          step = Math.max(1, Math.round(step));
          const digits = Math.max(0, 6 - Math.floor(Math.log10(step) + 1e-9)), all = [];
          for (let t = Math.ceil(Math.max(0, a) / step) * step; t <= b; t += step) {
            all.push({ t, text: (t / 1e6).toFixed(Math.min(6, digits)) + " s" });
          }
          return all;
        }

        """#
}
