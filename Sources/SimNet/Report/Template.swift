/// The page of a report, in the pieces that stand around its data.
///
/// It loads nothing: style, script and data are in the page.
enum ReportTemplate {
    /// Up to the style.
    static let head = #"""
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>Parley run</title>
        <style>

        """#

    /// From the style to the data.
    static let body = #"""
        </style>
        </head>
        <body>
        <header>
          <div class="row">
            <h1 id="title">Parley run</h1>
            <span class="badge" id="badge"></span>
            <span class="meta" id="meta"></span>
            <form id="find" role="search">
              <input id="query" type="search" placeholder="Search (/)" aria-label="Search all events">
              <button type="button" id="prev" aria-label="Match before">‹</button>
              <button type="button" id="next" aria-label="Match after">›</button>
              <span id="found" role="status"></span>
              <button type="button" id="side" title="Show or hide the lists (l)">Lists</button>
              <button type="button" id="help" title="Keys and signs (?)" aria-label="Help">?</button>
            </form>
          </div>
          <p id="saw"></p>
          <details class="more"><summary>What the seed drew, and how to run it again</summary>
            <dl id="more"></dl></details>
        </header>
        <div id="tools" role="toolbar" aria-label="View and filters">
          <button id="out" title="Zoom out (-)" aria-label="Zoom out">−</button>
          <button id="in" title="Zoom in (+)" aria-label="Zoom in">+</button>
          <button id="all" title="The whole run (0)">All</button>
          <button id="end" title="Where it ended (f)">End</button>
          <span class="gap"></span>
          <span id="chips" class="row" style="gap:4px"></span>
        </div>
        <div id="strip"><canvas id="overview" role="img"
          aria-label="The whole run; drag to choose what is shown below"></canvas></div>
        <main>
          <div id="stage">
            <canvas id="chart"></canvas>
            <canvas id="over" tabindex="0" role="application"
              aria-label="Space-time diagram. Arrow keys move, plus and minus zoom."></canvas>
          </div>
          <aside aria-label="Details and lists">
            <div id="detail" aria-live="polite"></div>
            <div role="tablist">
              <button role="tab" id="tabHistory" aria-selected="true">Client history</button>
              <button role="tab" id="tabEvents" aria-selected="false">Events in view</button>
            </div>
            <div class="note" id="note"></div>
            <div class="list" id="history" tabindex="0" aria-label="Client history"><div
              class="fill"></div></div>
            <div class="list" id="events" tabindex="0" aria-label="Events in view" hidden><div
              class="fill"></div></div>
          </aside>
        </main>
        <div id="tip" role="tooltip"></div>
        <div id="live" class="quiet" aria-live="polite"></div>
        <dialog id="keys"><h2 style="margin:0 0 6px;font-size:15px">Keys and signs</h2>
          <div id="signs"></div>
          <form method="dialog"><button autofocus>Close</button></form></dialog>
        <script id="data" type="application/json">

        """#

    /// From the data to the scripts.
    static let afterData = #"""

        </script>
        <script>
        "use strict";

        """#

    /// What follows the scripts.
    static let end = #"""
        </script>
        </body>
        </html>

        """#

    /// The scripts, in order.
    static let scripts = [model, text, layout, draw, overlay, lists, input, start]
}
