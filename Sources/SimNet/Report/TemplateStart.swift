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
        function firstWindow() {
          const asked = /^#([\d.]+)-([\d.]+)$/.exec(location.hash);
          if (asked && +asked[2] > +asked[1]) return setWindow(asked[1] * 1e6, asked[2] * 1e6);
          const length = Math.min(2e6, END + MARGIN);
          if (D.verdict[0] !== "held") return setWindow(END - length, END + length * .06);
          // A run that held opens at its last election.
          const elections = spans.flat().filter(span => span.status === 0 && span.role === 3);
          const last = elections.reduce((time, span) => Math.max(time, span.t), 0);
          setWindow(last - length * .5, last + length * .5);
        }
        readTheme();
        fillHead();
        fillHelp();
        showDetail();
        $("query").value = "";
        layout();
        firstWindow();
        selectTab("History");
        new ResizeObserver(changed).observe($("stage"));
        matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
          readTheme();
          patterns.clear();
          changed();
        });

        """#
}
