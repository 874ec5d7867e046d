// The text of the page; it is HTML, CSS and JavaScript, and the browser runs it.
extension ReportTemplate {
    /// Draws what the window shows.
    static let draw = #"""
        // The chart: time goes right, nodes and clients stand one below the other.
        const FONT = '11px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
        const BOLD = '600 12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
        let drawn = [];

        function draw() {
          const g = fitCanvas(chart, L.width, L.height);
          g.font = FONT;
          g.textBaseline = "middle";
          drawAxis(g);
          g.save();
          g.beginPath();
          g.rect(GUTTER, 0, L.plot, L.height);
          g.clip();
          drawMoments(g);
          if (layerOn("faults")) netBars.forEach(bar => drawBar(g, bar, L.net + bar.row * 16, 14));
          drawMessages(g);
          for (let n = 0; n < N; n++) drawNode(g, n);
          if (L.lane) for (let c = 0; c < CLIENTS; c++) drawClient(g, c);
          drawEnd(g);
          g.restore();
        }

        function drawAxis(g) {
          g.strokeStyle = C.grid;
          g.fillStyle = C.soft;
          g.textAlign = "center";
          g.beginPath();
          for (const tick of ticks(view.a, view.b, L.plot / 110)) {
            const x = Math.round(X(tick.t)) + .5;
            if (x < GUTTER) continue;
            g.moveTo(x, AXIS);
            g.lineTo(x, L.height);
            if (x > GUTTER + 24) g.fillText(tick.text, x, AXIS / 2);
          }
          g.stroke();
          // After the end there is nothing.
          const end = X(END);
          if (end < L.width) {
            g.fillStyle = C.grid;
            g.fillRect(end, AXIS, L.width - end, L.height);
          }
        }

        function label(g, text, x, y, room, color, align = "left") {
          if (room < 16) return;
          g.fillStyle = color;
          g.textAlign = align;
          let width = g.measureText(text).width;
          if (width > room) {
            const keep = Math.floor(text.length * room / width) - 1;
            if (keep < 2) return;
            text = text.slice(0, keep) + "…";
          }
          g.fillText(text, x, y);
        }

        // A slanted pattern, so that colour alone need not tell.
        const patterns = new Map();
        function hatch(g, color, gap) {
          const key = color + gap;
          if (!patterns.has(key)) {
            const tile = document.createElement("canvas");
            tile.width = tile.height = gap;
            const p = tile.getContext("2d");
            p.strokeStyle = color;
            p.lineWidth = gap / 3.2;
            for (const shift of [-gap, 0, gap]) {
              p.beginPath();
              p.moveTo(shift - 1, gap + 1);
              p.lineTo(shift + gap + 1, -1);
              p.stroke();
            }
            patterns.set(key, g.createPattern(tile, "repeat"));
          }
          return patterns.get(key);
        }

        function drawBar(g, bar, y, height) {
          if (bar.e < view.a || bar.t > view.b) return;
          const color = bar.host < 0 ? C.cut : C.fault;
          const x = Math.max(X(bar.t), GUTTER - 4), end = Math.min(X(bar.e), L.width + 4);
          const width = Math.max(end - x, 2);
          g.globalAlpha = .16;
          g.fillStyle = color;
          g.fillRect(x, y, width, height);
          if (bar.kind !== "apart" && bar.kind !== "unreachable") {
            g.globalAlpha = .3;
            g.fillStyle = hatch(g, color, bar.kind === "pause" || bar.kind === "cut" ? 6 : 10);
            g.fillRect(x, y, width, height);
          }
          g.globalAlpha = 1;
          g.strokeStyle = color;
          g.lineWidth = 1;
          g.strokeRect(x + .5, y + .5, width - 1, height - 1);
          const from = Math.max(x, GUTTER) + 5, text = bar.text, room = end - from - 6;
          const wide = Math.min(g.measureText(text).width, room);
          if (room >= 16 && height > 10) {
            g.fillStyle = C.bg;
            g.globalAlpha = .82;
            g.fillRect(from - 2, y + 1.5, wide + 4, height - 3);
            g.globalAlpha = 1;
            label(g, text, from, y + height / 2 + .5, room, color);
          }
        }

        const BAND = [6, 10, 12, 18];
        function bandOf(n, time) {
          const span = n < N && at(spans[n], time);
          return !span || span.status > 0 ? 2 : BAND[span.role] / 2;
        }

        function drawNode(g, n) {
          const y = L.y[n], list = spans[n];
          if (layerOn("faults")) for (const bar of bars) {
            if (bar.host === n) drawBar(g, bar, y - 34 - bar.row * 15, 13);
          }
          let first = Math.max(0, lower(list, view.a) - 1), lastX = -9;
          for (let i = first; i < list.length && list[i].t <= view.b; i++) {
            const span = list[i];
            const x = Math.max(X(span.t), GUTTER), end = Math.min(X(span.e), L.width);
            if (end < GUTTER) continue;
            const width = Math.max(end - x, 1);
            if (span.status > 0) {
              g.fillStyle = C.down;
              g.fillRect(x, y - 8, width, 16);
              g.fillStyle = hatch(g, C.faint, 7);
              g.globalAlpha = .5;
              g.fillRect(x, y - 8, width, 16);
              g.globalAlpha = 1;
              if (width > 60) {
                g.fillStyle = C.down;
                g.fillRect(x + 12, y - 7, Math.min(width - 20, span.status > 1 ? 88 : 38), 14);
                label(g, STATUS[span.status], x + 16, y, width - 20, C.soft);
              }
              continue;
            }
            const height = BAND[span.role];
            g.fillStyle = termColor(span.term);
            g.fillRect(x, y - height / 2, width + .5, height);
            if (span.role === 1 || span.role === 2) {
              g.globalAlpha = span.role === 2 ? .5 : .28;
              g.fillStyle = hatch(g, "#000000", span.role === 2 ? 5 : 9);
              g.fillRect(x, y - height / 2, width, height);
              g.globalAlpha = 1;
            }
            g.strokeStyle = span.role === 3 ? C.ink : C.faint;
            g.lineWidth = span.role === 3 ? 1.2 : .6;
            g.strokeRect(x, y - height / 2, width, height);
            const room = width - 8;
            if (span.role === 3) {
              label(g, room > 90 ? "leader · term " + span.term : "term " + span.term, x + 5, y + .5,
                room, "#16181c");
            } else if (room > 44 && x > lastX) {
              const text = span.role === 0
                ? "term " + span.term + (span.leader ? " · follows " + span.leader : " · no leader")
                : ROLES[span.role] + " · " + span.term;
              g.fillStyle = C.bg;
              g.globalAlpha = .75;
              const wide = Math.min(g.measureText(text).width, room);
              g.fillRect(x + 4, y - height / 2 - 14, wide + 2, 12);
              g.globalAlpha = 1;
              label(g, text, x + 5, y - height / 2 - 8, room, C.soft);
              lastX = x + 5 + wide;
            }
          }
          drawTurns(g, n);
          if (layerOn("disk")) drawWrites(g, n);
          if (layerOn("commits")) drawProgress(g, n);
        }

        // Crashes and starts.
        function drawTurns(g, n) {
          const y = L.y[n], list = spans[n];
          for (let i = Math.max(0, lower(list, view.a)); i < list.length && list[i].t <= view.b; i++) {
            const span = list[i], before = list[i - 1], x = X(span.t);
            const wasUp = before && before.status === 0;
            if (span.status > 0 && wasUp || wasUp && span.boot !== before.boot) {
              g.strokeStyle = C.bad;
              g.lineWidth = 2.4;
              g.beginPath();
              g.moveTo(x - 6, y - 6); g.lineTo(x + 6, y + 6);
              g.moveTo(x + 6, y - 6); g.lineTo(x - 6, y + 6);
              g.stroke();
            } else if (span.status === 0 && !wasUp) {
              g.fillStyle = C.good;
              g.beginPath();
              g.moveTo(x, y - 8); g.lineTo(x + 8, y); g.lineTo(x, y + 8);
              g.fill();
            }
          }
        }

        function drawWrites(g, n) {
          const y = L.y[n] + 12, list = writesOf[n];
          let lastX = -9;
          for (let i = Math.max(0, lower(list, view.a - 1e7)); i < list.length; i++) {
            const write = list[i];
            if (write.t > view.b) break;
            const until = write.e < 0 ? Math.min(write.t + 4e3, END) : write.e;
            if (until < view.a) continue;
            const x = X(write.t), width = Math.max((until - write.t) * L.scale, 1.5);
            if (x + width < lastX + .5) continue;
            lastX = x + width;
            g.fillStyle = write.e < 0 ? C.lost : write.isSnapshot ? C.snapshot : C.disk;
            const down = write.isSnapshot ? 5 : 0;
            g.fillRect(x, y + down, width, 4);
            if (write.e < 0) {
              g.strokeStyle = C.lost;
              g.lineWidth = 1.2;
              g.beginPath();
              g.moveTo(x + width, y - 2); g.lineTo(x + width + 6, y + 6);
              g.moveTo(x + width + 6, y - 2); g.lineTo(x + width, y + 6);
              g.stroke();
            }
            if (width > 90) {
              label(g, write.text, Math.max(x, GUTTER) + 4, y + down + 9,
                x + width - Math.max(x, GUTTER) - 6, C.soft);
            }
          }
        }

        function drawProgress(g, n) {
          const y = L.y[n];
          for (const [list, down, isApply] of [[commitsOf[n], 22, false], [appliesOf[n], 31, true]]) {
            let lastX = -99, lastText = -99;
            for (let i = lower(list, view.a); i < list.length && list[i].t <= view.b; i++) {
              const x = X(list[i].t);
              if (x - lastX < 1.2) continue;
              lastX = x;
              g.fillStyle = isApply ? C.soft : C.ink;
              g.beginPath();
              if (i > 0 && x - X(list[i - 1].t) < 5) {
                g.rect(x, y + down - 3, 1, 6);
              } else if (isApply) {
                g.arc(x, y + down, 2, 0, 7);
              } else {
                g.moveTo(x, y + down - 4); g.lineTo(x + 3.4, y + down);
                g.lineTo(x, y + down + 4); g.lineTo(x - 3.4, y + down);
              }
              g.fill();
              const next = list[i + 1], text = String(list[i].index);
              const room = (next ? X(next.t) : L.width) - x;
              if (!isApply && room > 8 + text.length * 7 && x > lastText) {
                label(g, text, x + 6, y + down, 60, C.soft);
                lastText = x + 6 + text.length * 7;
              }
            }
          }
        }

        // Marks of the world along the top: faults as triangles.
        function drawMoments(g) {
          if (view.matches.length) {
            g.fillStyle = C.accent;
            let last = -9;
            for (let i = lower(view.matches, view.a); i < view.matches.length; i++) {
              if (view.matches[i].t > view.b) break;
              const x = X(view.matches[i].t);
              if (x - last < 2) continue;
              last = x;
              g.beginPath();
              g.moveTo(x - 4, AXIS - 6); g.lineTo(x + 4, AXIS - 6); g.lineTo(x, AXIS + 1);
              g.fill();
            }
          }
          if (!layerOn("faults")) return;
          let last = -99;
          for (let i = lower(moments, view.a); i < moments.length && moments[i].t <= view.b; i++) {
            const moment = moments[i];
            if (moment.kind !== "fault") continue;
            const x = X(moment.t), text = spoken(moment.text);
            g.strokeStyle = C.cut;
            g.globalAlpha = .35;
            g.lineWidth = 1;
            g.setLineDash([2, 3]);
            g.beginPath();
            g.moveTo(x, AXIS + 8);
            g.lineTo(x, L.bottom);
            g.stroke();
            g.setLineDash([]);
            g.globalAlpha = 1;
            g.fillStyle = C.cut;
            g.beginPath();
            g.moveTo(x, AXIS + 3); g.lineTo(x + 4, AXIS + 8); g.lineTo(x, AXIS + 13);
            g.lineTo(x - 4, AXIS + 8);
            g.fill();
            if (x > last + 4) {
              const wide = g.measureText(text).width;
              const isLeft = x + 10 + wide > Math.min(X(END), L.width);
              if (isLeft && x - 10 - wide < last) continue;
              const next = moments.slice(i + 1, i + 40)
                .find(m => m.kind === "fault" && m.t > moment.t);
              if (!isLeft && next && X(next.t) < x + 10 + wide) continue;
              label(g, text, isLeft ? x - 7 : x + 7, AXIS + 8, 160, C.soft, isLeft ? "right" : "left");
              last = isLeft ? x : x + 7 + wide;
            }
          }
        }

        function drawMessages(g) {
          const lists = GROUPS.map(() => []), lost = [];
          drawn = [];
          const seen = new Set();
          let count = 0;
          M.visible(view.a, view.b, i => {
            const group = groupOf[M.kind[i]];
            if (!GROUPS[group].on || M.from[i] >= N && !L.lane || M.to[i] >= N && !L.lane) return;
            const x0 = X(M.t[i]), isLost = M.fate[i] !== fateOf.arrived;
            let x1 = M.e[i] < 0 ? x0 + 12 : X(M.e[i]);
            // What falls on the same pixels is drawn once.
            const key = (((x0 | 0) * 4096 + (x1 | 0)) * 64 + M.from[i]) * 64 + M.to[i];
            if (seen.has(key + group * 1e14)) return;
            seen.add(key + group * 1e14);
            const down = M.to[i] > M.from[i] ? 1 : -1;
            const y0 = L.y[M.from[i]] + down * bandOf(M.from[i], M.t[i]);
            let y1 = L.y[M.to[i]] - down * bandOf(M.to[i], M.e[i] < 0 ? M.t[i] : M.e[i]);
            if (isLost && (M.e[i] <= M.t[i])) {
              x1 = x0 + Math.min(14, 3 + L.scale * 300);
              y1 = y0 + (y1 - y0) * .3;
            }
            count++;
            (isLost ? lost : lists[group]).push(i, x0, y0, x1, y1);
            drawn.push(i, x0, y0, x1, y1);
          });
          const crowd = count > 1500 ? .4 : 1;
          const strength = Math.max(.3, Math.min(.95, 1.15 - Math.log10(1 + count) * .2)) * crowd;
          lists.map((list, group) => [list, group]).reverse().forEach(([list, group]) => {
            if (!list.length) return;
            g.strokeStyle = g.fillStyle = GROUPS[group].paint;
            g.globalAlpha = strength * (group > 5 ? .42 : 1);
            g.lineWidth = group > 5 ? .8 : count < 300 ? 1.3 : 1;
            g.beginPath();
            for (let k = 0; k < list.length; k += 5) {
              g.moveTo(list[k + 1], list[k + 2]);
              g.lineTo(list[k + 3], list[k + 4]);
            }
            g.stroke();
            if (count < 1500) heads(g, list);
            if (count < 60 && group < 6) messageTexts(g, list);
          });
          if (lost.length) {
            g.globalAlpha = Math.max(.6, strength);
            g.strokeStyle = C.lost;
            g.lineWidth = 1.3;
            g.setLineDash([4, 3]);
            g.beginPath();
            for (let k = 0; k < lost.length; k += 5) {
              g.moveTo(lost[k + 1], lost[k + 2]);
              g.lineTo(lost[k + 3], lost[k + 4]);
            }
            g.stroke();
            g.setLineDash([]);
            g.lineWidth = 1.8;
            g.beginPath();
            for (let k = 0; k < lost.length; k += 5) {
              const x = lost[k + 3], y = lost[k + 4];
              g.moveTo(x - 3.5, y - 3.5); g.lineTo(x + 3.5, y + 3.5);
              g.moveTo(x + 3.5, y - 3.5); g.lineTo(x - 3.5, y + 3.5);
            }
            g.stroke();
          }
          g.globalAlpha = 1;
        }

        function heads(g, list) {
          g.beginPath();
          for (let k = 0; k < list.length; k += 5) {
            const dx = list[k + 3] - list[k + 1], dy = list[k + 4] - list[k + 2];
            const length = Math.hypot(dx, dy) || 1, ux = dx / length, uy = dy / length;
            const x = list[k + 3], y = list[k + 4];
            g.moveTo(x, y);
            g.lineTo(x - ux * 7 - uy * 2.8, y - uy * 7 + ux * 2.8);
            g.lineTo(x - ux * 7 + uy * 2.8, y - uy * 7 - ux * 2.8);
            g.closePath();
          }
          g.fill();
        }

        function messageTexts(g, list) {
          g.font = FONT;
          for (let k = 0; k < list.length; k += 5) {
            const [i, x0, y0, x1, y1] = list.slice(k, k + 5);
            let angle = Math.atan2(y1 - y0, x1 - x0);
            if (Math.abs(angle) > 1.25 || Math.hypot(x1 - x0, y1 - y0) < 120) continue;
            const text = (M.term[i] ? M.term[i] + ": " : "") + S[M.text[i]];
            g.save();
            g.translate((x0 + x1) / 2, (y0 + y1) / 2);
            g.rotate(angle);
            g.globalAlpha = 1;
            label(g, text, 0, -7, Math.hypot(x1 - x0, y1 - y0) - 20, GROUPS[groupOf[M.kind[i]]].paint,
              "center");
            g.restore();
          }
        }

        function drawClient(g, c) {
          const y = L.y[N + c], half = L.lane / 2, list = opsOf[c];
          g.strokeStyle = C.grid;
          g.lineWidth = 1;
          g.beginPath();
          g.moveTo(GUTTER, Math.round(y + half) + .5);
          g.lineTo(L.width, Math.round(y + half) + .5);
          g.stroke();
          const height = Math.max(3, (L.lane - 5) / 3);
          for (const op of list) {
            if (op.t > view.b) break;
            const until = op.e < 0 ? END : op.e;
            if (until < view.a) continue;
            const x = Math.max(X(op.t), GUTTER - 3), end = Math.min(X(until), L.width + 3);
            const tall = list.some(o => o.row > 0) ? height : L.lane - 6;
            const top = y - half + 2.5 + op.row * height, width = Math.max(end - x, 3);
            g.fillStyle = C[op.outcome];
            g.globalAlpha = op.outcome === "done" ? .42 : .28;
            g.fillRect(x, top, width, tall);
            g.globalAlpha = .8;
            if (op.outcome !== "done") {
              g.fillStyle = hatch(g, C[op.outcome], op.outcome === "refused" ? 8 : 5);
              g.fillRect(x, top, width, tall);
            }
            g.globalAlpha = 1;
            g.fillStyle = C[op.outcome];
            g.fillRect(x, top, 2, tall);
            if (op.e >= 0) g.fillRect(end - 2, top, 2, tall);
            if (tall > 9 && op.outcome === "done") {
              label(g, op.text + (op.result ? " ⇒ " + op.result : ""), Math.max(x, GUTTER) + 6,
                top + tall / 2 + .5, end - Math.max(x, GUTTER) - 10, C.ink);
            }
          }
        }

        function drawEnd(g) {
          const line = (t, color, dash, text, fill) => {
            const x = X(t);
            if (x < GUTTER - 2 || x > L.width + 2) return;
            g.strokeStyle = color;
            g.lineWidth = fill ? 2 : 1.2;
            g.setLineDash(dash);
            g.beginPath();
            g.moveTo(x, AXIS);
            g.lineTo(x, L.height);
            g.stroke();
            g.setLineDash([]);
            g.font = fill ? BOLD : FONT;
            const width = g.measureText(text).width + 12, left = Math.max(GUTTER, x - width);
            g.fillStyle = fill ? color : C.bg;
            g.fillRect(left, 3, width, AXIS - 5);
            label(g, text, left + 6, AXIS / 2 + .5, width, fill ? C.bg : color);
            g.font = FONT;
          };
          if (D.settled >= 0) line(D.settled, C.good, [6, 4], "the faults stop", false);
          const [kind, checker] = D.verdict;
          if (kind === "violated") line(END, C.bad, [], "✖ " + checker, true);
          if (kind === "stuck") line(END, C.warn, [], "✖ no liveness", true);
          if (kind === "held") line(END, C.good, [], "✔ held", true);
          const x = X(END);
          if (kind !== "held") for (const n of suspects) {
            g.strokeStyle = C.bad;
            g.lineWidth = 2;
            g.beginPath();
            g.arc(x, L.y[n], 14, 0, 7);
            g.stroke();
          }
        }
        // The nodes that the checker names.
        const suspects = [...new Set([...D.verdict[2].matchAll(/\bnode(\d+)\b/g)].map(m => m[1] - 1))]
          .filter(n => n >= 0 && n < N && D.verdict[0] === "violated");

        """#
}
