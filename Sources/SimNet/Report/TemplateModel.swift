// The text of the page; it is HTML, CSS and JavaScript, and the browser runs it.
extension ReportTemplate {
    /// Decodes the run.
    static let model = #"""
        // The run: decoded from the arrays of the page, never changed afterwards.
        const D = JSON.parse(document.getElementById("data").textContent);
        const S = D.strings, N = D.nodes, CLIENTS = D.clients.length;
        const KINDS = D.kinds, FATES = D.fates;
        const fateOf = { arrived: FATES.indexOf("arrived"), underWay: FATES.indexOf("underWay") };
        const GROUPS = [
          { id: "append", name: "Appends", color: "append",
            kinds: ["append", "appendResponse", "appendRejected"], on: true },
          { id: "election", name: "Elections", color: "election",
            kinds: ["preVoteRequest", "preVoteResponse", "voteRequest", "voteResponse", "timeoutNow"],
            on: true },
          { id: "snapshot", name: "Snapshots", color: "snapshot",
            kinds: ["snapshotChunk", "snapshotResponse"], on: true },
          { id: "read", name: "Reads", color: "read", kinds: ["readRequest", "readResponse"], on: true },
          { id: "forward", name: "Forwards", color: "forward", kinds: ["forward", "hello"], on: true },
          { id: "beat", name: "Heartbeats", color: "beat", kinds: ["heartbeat", "heartbeatResponse"],
            on: false },
          { id: "client", name: "Requests", color: "client", kinds: ["request", "reply"], on: true },
          { id: "fan", name: "Deliveries", color: "client", kinds: ["delivery"], on: false },
        ];
        const LAYERS = [
          { id: "faults", name: "Faults", color: "fault", on: true },
          { id: "disk", name: "Disk", color: "disk", on: true },
          { id: "commits", name: "Commits", color: "ink", on: true },
          { id: "lanes", name: "Clients", color: "done", on: true },
        ];
        const FATE_TEXT = {
          underWay: "never arrived", arrived: "arrived", lost: "lost",
          cut: "lost: the way was cut", linkClosed: "lost: the link was closed meanwhile",
          receiverDown: "lost: the receiver was down",
        };
        const BAR_TEXT = {
          pause: "pause", slowNode: "slow node", slowDisk: "slow disk", stalledDisk: "disk stall",
          unreachable: "unreachable for clients", apart: "outside the core", cut: "cut",
          clogged: "clogged",
        };
        const STATUS = ["up", "down", "down for good"];
        const ROLES = ["follower", "pre-candidate", "candidate", "leader"];
        const groupOf = KINDS.map(kind => GROUPS.findIndex(group => group.kinds.includes(kind)));

        const END = D.end;
        const M = (() => {
          const raw = D.messages, count = raw.t.length;
          const m = {
            count, t: new Float64Array(count), e: new Float64Array(count), from: new Uint8Array(count),
            to: new Uint8Array(count), kind: new Uint8Array(count), fate: new Uint8Array(count),
            copy: new Uint8Array(count), term: raw.r, text: raw.s,
          };
          let time = 0;
          for (let i = 0; i < count; i++) {
            time += raw.t[i];
            m.t[i] = time;
            m.e[i] = raw.d[i] < 0 ? -1 : time + raw.d[i];
            m.from[i] = raw.p[i] >> 8;
            m.to[i] = raw.p[i] & 255;
            m.kind[i] = raw.k[i] >> 4;
            m.fate[i] = raw.k[i] >> 1 & 7;
            m.copy[i] = raw.k[i] & 1;
            GROUPS[groupOf[m.kind[i]]].count = (GROUPS[groupOf[m.kind[i]]].count || 0) + 1;
          }
          // The latest end within each block, so that long flights are found from behind a window.
          const size = 256, blocks = new Float64Array(Math.ceil(count / size));
          for (let i = 0; i < count; i++) {
            const b = i / size | 0;
            blocks[b] = Math.max(blocks[b], m.e[i], m.t[i]);
          }
          m.visible = (a, b, visit) => {
            for (let k = 0; k < blocks.length; k++) {
              if (m.t[k * size] > b) return;
              if (blocks[k] < a) continue;
              const end = Math.min(count, (k + 1) * size);
              for (let i = k * size; i < end; i++) {
                if (m.t[i] > b) return;
                if (Math.max(m.e[i], m.t[i]) >= a) visit(i);
              }
            }
          };
          return m;
        })();

        const perNode = (rows, host, make) => {
          const lists = Array.from({ length: N }, () => []);
          for (const row of rows) if (row[host] >= 0) lists[row[host]].push(make(row));
          return lists;
        };
        const spans = perNode(D.spans, 1, r => (
          { t: r[0], host: r[1], status: r[2], role: r[3], term: r[4], leader: r[5], boot: r[6] }));
        for (const list of spans) list.forEach((span, i) => {
          span.e = i + 1 < list.length ? list[i + 1].t : END;
        });
        const bars = D.bars.map((r, id) => ({
          id, kind: D.barKinds[r[0]], host: r[1], t: r[2], e: r[3] < 0 ? END : Math.min(r[3], END),
          text: S[r[4]],
        }));
        const writes = D.writes.map(r => ({
          host: r[0], t: r[1], e: r[2], isSnapshot: r[3] === 1, text: S[r[4]],
        }));
        const writesOf = Array.from({ length: N }, (_, host) => writes.filter(w => w.host === host));
        const progress = D.progress.map(r => (
          { t: r[0], host: r[1], isApply: r[2] === 1, index: r[3] }));
        const progressOf = isApply => Array.from({ length: N }, (_, host) =>
          progress.filter(p => p.host === host && p.isApply === isApply));
        const commitsOf = progressOf(false), appliesOf = progressOf(true);
        const moments = D.moments.map(r => ({
          t: r[0], host: r[1], kind: D.momentKinds[r[2]], count: r[3], text: S[r[4]],
        }));
        for (const moment of moments) {
          const named = moment.kind === "note" && /^node(\d+)/.exec(moment.text);
          if (named) moment.host = named[1] - 1;
        }
        const ops = D.operations.map((r, id) => ({
          id, client: r[0], t: r[1], e: r[2], outcome: D.outcomes[r[3]], host: r[4], text: S[r[5]],
          result: S[r[6]], row: 0,
        }));
        const opsOf = Array.from({ length: CLIENTS }, (_, client) =>
          ops.filter(o => o.client === client));
        for (const list of opsOf) {
          const busy = [0, 0, 0];
          for (const op of list) {
            const row = busy.findIndex(until => until <= op.t);
            op.row = row < 0 ? 0 : row;
            busy[op.row] = op.e < 0 ? END : op.e;
          }
        }

        // The position of the first item of a sorted list that is not before the time.
        const lower = (list, time, key = item => item.t) => {
          let a = 0, b = list.length;
          while (a < b) {
            const m = (a + b) >> 1;
            if (key(list[m]) < time) a = m + 1; else b = m;
          }
          return a;
        };
        const at = (list, time) => list[lower(list, time + 1) - 1];
        const stateAt = (host, time) => ({
          span: at(spans[host], time), commit: at(commitsOf[host], time),
          apply: at(appliesOf[host], time),
        });
        const place = n => n < N ? "node " + (n + 1) : "client " + (n - N);
        const stamp = t => (t / 1e6).toFixed(6);
        const lasting = t => t < 1000 ? t + " µs"
          : t < 1e6 ? (t / 1e3).toFixed(t < 1e4 ? 2 : 1) + " ms"
          : (t / 1e6).toFixed(2) + " s";
        const spoken = name => name.replace(/[A-Z]/g, letter => " " + letter.toLowerCase());
        const plain = text => text.replace(/[&<>"]/g, c => "&#" + c.charCodeAt(0) + ";");

        // Every event in order of time, for the list and the search; a name and a position each.
        const EVENTS = (() => {
          const all = [];
          for (let i = 0; i < M.count; i++) all.push({ t: M.t[i], type: "message", i });
          spans.forEach(list => list.forEach(item => all.push({ t: item.t, type: "span", item })));
          bars.forEach(item => all.push({ t: item.t, type: "bar", item }));
          writes.forEach(item => all.push({ t: item.t, type: "write", item }));
          progress.forEach(item => all.push({ t: item.t, type: "progress", item }));
          moments.forEach(item => all.push({ t: item.t, type: "moment", item }));
          ops.forEach(item => all.push({ t: item.t, type: "op", item }));
          return all.sort((a, b) => a.t - b.t);
        })();

        """#
}
