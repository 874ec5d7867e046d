// The text of the page; it is HTML, CSS and JavaScript, and the browser runs it.
extension ReportTemplate {
    /// How it looks, by day and by night.
    static let style = #"""
        :root {
          --bg: #fbfbf9; --panel: #ffffff; --line: #d9d9d2; --ink: #1c1d1f; --soft: #5d6066;
          --faint: #9a9da3; --grid: #ecece6; --accent: #0b63b0; --pick: #fff3c4;
          --bad: #b3261e; --badback: #fdecea; --warn: #9a5b00; --warnback: #fff4df;
          --good: #17694a; --goodback: #e5f5ee;
          --append: #0072b2; --election: #c27a00; --snapshot: #b8568f; --read: #00835f;
          --forward: #3d9bd1; --beat: #8b8e94; --client: #857400; --lost: #c8401f;
          --done: #2a9d78; --refused: #8b8e94; --unknown: #d97a1c; --pending: #7a6bd0;
          --down: #e4e4de; --fault: #5b4a8a; --cut: #c8401f; --disk: #6f7680; --band: #16181c;
          color-scheme: light dark;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --bg: #15171a; --panel: #1c1f23; --line: #34383f; --ink: #e9e9e6; --soft: #a7abb3;
            --faint: #737882; --grid: #24282d; --accent: #6db7f2; --pick: #4a4220;
            --bad: #ff8a7a; --badback: #3b1d1a; --warn: #f2b661; --warnback: #3a2c14;
            --good: #6fd3ab; --goodback: #15302a;
            --append: #4ba3dd; --election: #efa838; --snapshot: #dd8fbd; --read: #35c39b;
            --forward: #8fd0f5; --beat: #80858e; --client: #d3c04a; --lost: #ff7a55;
            --done: #3fbf95; --refused: #8b8e94; --unknown: #f0a04c; --pending: #a99bf0;
            --down: #2a2e34; --fault: #a894e0; --cut: #ff7a55; --disk: #8d949e; --band: #111316;
          }
        }
        * { box-sizing: border-box; }
        html, body { height: 100%; margin: 0; }
        body {
          display: flex; flex-direction: column; background: var(--bg); color: var(--ink);
          font: 13px/1.45 system-ui, "Segoe UI", "DejaVu Sans", sans-serif;
        }
        h1 { font-size: 17px; margin: 0; font-weight: 650; }
        header { padding: 10px 14px 8px; border-bottom: 1px solid var(--line); background: var(--panel); }
        .row { display: flex; flex-wrap: wrap; gap: 6px 12px; align-items: baseline; }
        .badge { padding: 1px 9px; border-radius: 10px; font-weight: 600; }
        .badge.violated { color: var(--bad); background: var(--badback); }
        .badge.stuck { color: var(--warn); background: var(--warnback); }
        .badge.held { color: var(--good); background: var(--goodback); }
        .meta { color: var(--soft); }
        #saw {
          margin: 7px 0 0; padding: 6px 10px; border-left: 3px solid var(--bad);
          background: var(--badback); border-radius: 0 4px 4px 0; max-height: 6.2em; overflow: auto;
          overflow-wrap: anywhere;
        }
        #saw.stuck { border-color: var(--warn); background: var(--warnback); }
        #saw:empty { display: none; }
        details.more { margin-top: 5px; color: var(--soft); }
        details.more summary { cursor: pointer; }
        details.more dl {
          display: grid; grid-template-columns: max-content 1fr; gap: 2px 14px; margin: 6px 0 2px;
        }
        details.more dt { color: var(--soft); }
        details.more dd { margin: 0; color: var(--ink); overflow-wrap: anywhere; }
        code { font: 12px/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
        #tools {
          display: flex; flex-wrap: wrap; gap: 5px; align-items: center; padding: 6px 14px;
          border-bottom: 1px solid var(--line); background: var(--panel);
        }
        #tools .gap { width: 8px; }
        button {
          font: inherit; color: inherit; background: var(--bg); border: 1px solid var(--line);
          border-radius: 5px; padding: 2px 8px; cursor: pointer;
        }
        button:hover { border-color: var(--soft); }
        button:focus-visible, input:focus-visible, canvas:focus-visible, .list:focus-visible {
          outline: 2px solid var(--accent); outline-offset: -1px;
        }
        .chip { display: inline-flex; align-items: center; gap: 5px; }
        .chip i { width: 14px; height: 3px; border-radius: 2px; background: var(--dot); }
        .chip small { color: var(--faint); font-size: 11px; }
        .chip[aria-pressed="false"] { color: var(--faint); text-decoration: line-through; }
        .chip[aria-pressed="false"] i { opacity: .3; }
        #find { display: flex; gap: 4px; align-items: center; margin-left: auto; }
        #find input {
          font: inherit; width: 190px; padding: 2px 8px; border: 1px solid var(--line);
          border-radius: 5px; background: var(--bg); color: var(--ink);
        }
        #found { min-width: 5.5em; color: var(--soft); font-variant-numeric: tabular-nums; }
        canvas { display: block; }
        #strip { position: relative; height: 64px; border-bottom: 1px solid var(--line); }
        #overview { width: 100%; height: 64px; cursor: crosshair; touch-action: none; }
        main { flex: 1; min-height: 0; display: flex; }
        #stage { position: relative; flex: 1; min-width: 0; overflow: hidden; }
        #stage canvas { position: absolute; inset: 0; width: 100%; height: 100%; }
        #over { cursor: grab; touch-action: none; }
        #over.drags { cursor: grabbing; }
        #over.hits { cursor: pointer; }
        aside {
          width: 400px; min-width: 240px; display: flex; flex-direction: column; min-height: 0;
          border-left: 1px solid var(--line); background: var(--panel);
        }
        body.wide aside { display: none; }
        [role="tablist"] {
          display: flex; border-bottom: 1px solid var(--line); padding: 4px 8px 0; gap: 2px;
        }
        [role="tab"] {
          border: 0; border-bottom: 2px solid transparent; border-radius: 0; background: none;
        }
        [role="tab"][aria-selected="true"] { border-color: var(--accent); font-weight: 600; }
        #detail {
          padding: 8px 12px; border-bottom: 1px solid var(--line); max-height: 38%; overflow: auto;
          flex: none;
        }
        #detail h2 { font-size: 13px; margin: 0 0 4px; display: flex; align-items: center; gap: 6px; }
        #detail h2 i { width: 12px; height: 12px; border-radius: 3px; flex: none; }
        #detail dl { display: grid; grid-template-columns: 84px 1fr; gap: 1px 8px; margin: 0; }
        #detail dt { color: var(--soft); }
        #detail dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
        #detail p { margin: 0; color: var(--soft); }
        #detail .jump { margin-top: 6px; display: flex; gap: 5px; flex-wrap: wrap; }
        .list { flex: 1; min-height: 0; overflow-y: auto; position: relative; }
        .list[hidden] { display: none; }
        .list .fill { position: relative; }
        .item {
          position: absolute; left: 0; right: 0; height: 36px; padding: 1px 10px 1px 12px;
          border-left: 3px solid transparent; border-bottom: 1px solid var(--grid); cursor: pointer;
          overflow: hidden; line-height: 16px;
        }
        .item.event { height: 22px; line-height: 20px; white-space: nowrap; display: flex; gap: 8px; }
        .item:hover { background: var(--grid); }
        .item.out { opacity: .5; }
        .item.picked { background: var(--pick); }
        .item .when {
          color: var(--soft); font-variant-numeric: tabular-nums; font-size: 12px; flex: none;
        }
        .item .top { display: flex; gap: 7px; white-space: nowrap; }
        .item .what { flex: 1; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
        .item .who { color: var(--soft); flex: none; }
        .item .result {
          display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-size: 12px;
        }
        .note { padding: 5px 12px; color: var(--soft); border-bottom: 1px solid var(--grid); flex: none; }
        #tip {
          position: fixed; z-index: 5; pointer-events: none; max-width: 420px; padding: 5px 9px;
          background: var(--panel); border: 1px solid var(--line); border-radius: 6px;
          box-shadow: 0 3px 14px rgb(0 0 0 / .22); visibility: hidden; overflow-wrap: anywhere;
        }
        #tip b { font-weight: 650; }
        #tip span { color: var(--soft); }
        dialog {
          color: var(--ink); background: var(--panel); border: 1px solid var(--line); border-radius: 8px;
          max-width: 620px;
        }
        dialog::backdrop { background: rgb(0 0 0 / .35); }
        dialog table { border-spacing: 12px 3px; }
        kbd {
          font: 12px ui-monospace, "DejaVu Sans Mono", monospace; border: 1px solid var(--line);
          border-radius: 4px; padding: 0 5px; background: var(--bg);
        }
        .quiet { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
        @media (max-width: 900px) { aside { width: 300px; } }
        @media print { #tools, aside { display: none; } }

        """#
}
