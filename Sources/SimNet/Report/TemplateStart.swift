// The text of the page; it is HTML, CSS and JavaScript, and the browser runs it.
extension ReportTemplate {
    /// The first window.
    static let start = #"""
        // The words around the picture, and the first window.
        function fillHead() {
          const [kind, checker, saw] = D.verdict;
          document.title = "Seed " + D.seed + ": " + (kind === "held" ? "held" : checker);
          $("title").textContent = "Seed " + D.seed;
          $("badge").textContent = kind === "held" ? "✔ held" : "✖ " + checker;
          $("badge").className = "badge " + kind;
          $("saw").textContent = saw;
          $("saw").className = kind;
          $("meta").textContent = N + (N === 1 ? " node, " : " nodes, ") + CLIENTS + " clients, "
            + (END / 1e6).toFixed(3) + " simulated seconds, " + D.events.toLocaleString("en")
            + " events, " + M.count.toLocaleString("en") + " messages";
          const counts = object => Object.entries(object).map(([name, count]) =>
            spoken(name) + " " + count).join(", ") || "none";
          const rows = [["Run again", "<code>" + plain(D.replay) + "</code>"],
            ["Drawn", plain(D.options)], ["Faults", plain(counts(D.counts))],
            ["Comparisons", plain(counts(D.checkers))],
            ["Commit", "<code>" + plain(D.commit) + "</code>"],
            ["Digest", "<code>" + D.digest + "</code>"]];
          $("more").innerHTML = rows.map(([name, text]) =>
            "<dt>" + name + "</dt><dd>" + text + "</dd>").join("");
        }
        function fillHelp() {
          const keys = KEYS.map(row => "<tr><td>" + row.slice(0, -1).flat().map(key =>
            "<kbd>" + plain(key) + "</kbd>").join(" ") + "</td><td>" + row.at(-1)
            + "</td></tr>").join("");
          $("signs").innerHTML = "<table>" + keys + "</table><p>The wheel zooms, with Shift it moves; "
            + "dragging moves. On a node's line a thick band is a leader, a hatched one a candidate, a "
            + "thin one a follower; its colour is the term. Below it: writes on their way to the disk, "
            + "◆ commits, ● applied entries. ✖ is a crash, ▶ a start. Dashed arrows with ✖ were lost. "
            + "Bars above a line are the node's faults, those on top the network's.</p>";
        }
        // The operation that the checker names; a history is judged when the run is over, so that the
        // moment to look at lies before its end.
        function namedOperation() {
          if (D.verdict[0] !== "violated") return null;
          const number = /\bclient (\d+), operation (\d+)/.exec(D.verdict[2]);
          if (number && opsOf[number[1]]) {
            return opsOf[number[1]].filter(op => op.text !== "open a session")[number[2]] || null;
          }
          const name = /\bc\d+-\d+\b/.exec(D.verdict[2]);
          return name && ops.find(op => op.text.startsWith("send " + name[0] + " ")) || null;
        }
        function firstWindow() {
          const asked = /^#([\d.]+)-([\d.]+)$/.exec(location.hash);
          if (asked && +asked[2] > +asked[1]) return setWindow(asked[1] * 1e6, asked[2] * 1e6);
          const length = Math.min(2e6, END + MARGIN);
          const named = namedOperation();
          if (named) {
            view.pick = { type: "op", item: named, t: named.t };
            const until = named.e < 0 ? named.t : named.e;
            if (until < END - length) return setWindow(until - length * .75, until + length * .25);
          }
          if (D.verdict[0] !== "held") return setWindow(END - length, END + length * .06);
          // A run that held opens at its last election.
          const elections = spans.flat().filter(span => span.status === 0 && span.role === 3);
          const last = elections.reduce((time, span) => Math.max(time, span.t), 0);
          setWindow(last - length * .5, last + length * .5);
        }
        readTheme();
        fillHead();
        fillHelp();
        $("query").value = "";
        layout();
        firstWindow();
        showDetail();
        selectTab("History");
        new ResizeObserver(changed).observe($("stage"));
        matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
          readTheme();
          patterns.clear();
          changed();
        });

        """#
}
