// The text of the page; it is HTML, CSS and JavaScript, and the browser runs it.
extension ReportTemplate {
    /// Puts events into words.
    static let text = #"""
        // Words for each kind of event.
        const messageHead = i => spoken(KINDS[M.kind[i]]) + (M.copy[i] ? " (copy)" : "");
        function summary(event) {
          const item = event.item;
          switch (event.type) {
          case "message": {
            const i = event.i, fate = FATES[M.fate[i]];
            return { who: short(M.from[i]) + "→" + short(M.to[i]), group: groupOf[M.kind[i]],
              what: (M.term[i] ? "[" + M.term[i] + "] " : "") + (M.kind[i] >= KINDS.indexOf("request")
                ? messageHead(i) + ": " : M.copy[i] ? "copy: " : "") + S[M.text[i]]
                + (fate === "arrived" ? "" : ", " + FATE_TEXT[fate]),
              color: fate === "arrived" ? GROUPS[groupOf[M.kind[i]]].color : "lost" };
          }
          case "span": {
            const state = item.status > 0 ? STATUS[item.status]
              : ROLES[item.role] + " in term " + item.term + (item.role === 3 ? ""
                : item.leader ? " under node " + item.leader : ", knows no leader");
            return { who: "n" + (item.host + 1), what: state, color: "ink" };
          }
          case "bar": return { who: item.host < 0 ? "net" : "n" + (item.host + 1), layer: "faults",
            what: item.text + " for " + lasting(item.e - item.t), color: "fault" };
          case "write": return { who: "n" + (item.host + 1), layer: "disk",
            what: "writes " + item.text + (item.e < 0 ? ", never durable" : ""), color: "disk" };
          case "progress": return { who: "n" + (item.host + 1), layer: "commits",
            what: (item.isApply ? "applied " : "committed ") + item.index, color: "read" };
          case "moment": return { who: item.host < 0 ? "world" : "n" + (item.host + 1),
            layer: item.kind === "mark" ? "commits" : "faults",
            what: { note: "", fault: "fault: ", mark: "mark: ", told: "says ", link: "" }[item.kind]
              + (item.kind === "fault" || item.kind === "mark" ? spoken(item.text) : item.text)
              + (item.count > 1 ? " ×" + item.count : ""),
            color: item.kind === "note" ? "bad" : item.kind === "fault" ? "fault" : "soft" };
          case "op": return { who: "c" + item.client, layer: "lanes",
            what: item.text + " ⇒ " + (item.result || item.outcome), color: item.outcome };
          }
        }
        const short = n => n < N ? "n" + (n + 1) : "c" + (n - N);
        function shown(event) {
          const words = summary(event);
          if (words.group !== undefined) return GROUPS[words.group].on;
          return words.layer === undefined || LAYERS.find(layer => layer.id === words.layer).on;
        }
        function facts(pick) {
          const rows = [], item = pick.item;
          const add = (name, value) => rows.push([name, value]);
          let title, color = "ink";
          if (pick.type === "message") {
            const i = pick.i, fate = FATES[M.fate[i]];
            title = messageHead(i);
            color = GROUPS[groupOf[M.kind[i]]].color;
            add("from", place(M.from[i]));
            add("to", place(M.to[i]));
            add("sent", stamp(M.t[i]) + " s");
            add(fate === "arrived" ? "handed over" : "fate", fate === "arrived"
              ? stamp(M.e[i]) + " s, after " + lasting(M.e[i] - M.t[i]) : FATE_TEXT[fate]);
            if (M.term[i]) add("term", M.term[i]);
            add("says", S[M.text[i]]);
          } else if (pick.type === "op") {
            title = item.text;
            color = item.outcome;
            add("client", item.client + " (" + D.clients[item.client] + "), at node "
              + (item.host + 1));
            add("invoked", stamp(item.t) + " s");
            add("returned", item.e < 0 ? "never"
              : stamp(item.e) + " s, after " + lasting(item.e - item.t));
            add("outcome", item.outcome);
            if (item.result) add("result", item.result);
          } else if (pick.type === "node") {
            const state = stateAt(pick.host, pick.t), span = state.span;
            title = "node " + (pick.host + 1) + " at " + stamp(pick.t) + " s";
            add("process", span ? STATUS[span.status] + ", boot " + span.boot : "not started");
            if (span && span.status === 0) {
              add("role", ROLES[span.role] + " in term " + span.term);
              add("leader", span.leader ? "node " + span.leader : "none known");
            }
            add("committed", state.commit ? state.commit.index : 0);
            add("applied", state.apply ? state.apply.index : 0);
            const faults = bars.filter(b => b.t <= pick.t && b.e >= pick.t
              && (b.host === pick.host || b.host < 0));
            if (faults.length) add("faults", faults.map(b => b.text).join("; "));
          } else {
            const words = summary(pick);
            title = { span: "change of state", bar: BAR_TEXT[item.kind], write: "disk",
              progress: item.isApply ? "apply" : "commit", moment: item.kind }[pick.type];
            color = words.color;
            add("where", words.who);
            add("at", stamp(item.t) + " s");
            if (pick.type === "bar" || pick.type === "write" && item.e >= 0) {
              add(pick.type === "bar" ? "until" : "durable",
                stamp(item.e) + " s, after " + lasting(item.e - item.t));
            }
            add("what", words.what);
          }
          return { title, color, rows };
        }
        const same = (a, b) => a && b && a.type === b.type && a.i === b.i && a.item === b.item
          && a.host === b.host && (a.type !== "node" || a.t === b.t);

        """#
}
