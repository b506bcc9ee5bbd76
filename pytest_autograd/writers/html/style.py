"""The style sheet of the HTML page, light and dark."""

STYLE = """
:root { --ink: #1c1f24; --dim: #5b6470; --paper: #fbfbfa; --card: #fff; --line: #dfe2e6;
  --failed: #b2182b; --inconclusive: #9a6700; --skipped: #5b6470; --verified: #1a7f37; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --dim: #9aa4b1; --paper: #14171b;
  --card: #1c2026; --line: #343a43; --failed: #ff7b72; --inconclusive: #e3b341; --skipped: #9aa4b1;
  --verified: #56d364; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", "Helvetica Neue", "DejaVu Sans", sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 32px 24px 64px; }
h1 { margin: 0; font-size: 28px; } header p { margin: 4px 0 20px; color: var(--dim); }
h2 { font-size: 20px; margin: 0; } h3 { font-size: 14px; margin: 24px 0 0; font-weight: 600; }
h4 { font-size: 14px; margin: 14px 0 8px; font-weight: 500; color: var(--dim); }
a { color: inherit; }
.tiles { display: flex; gap: 12px; margin-bottom: 20px; flex-wrap: wrap; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 10px 18px;
  color: var(--dim); border-top: 3px solid currentColor; }
.tile b { display: block; font-size: 26px; line-height: 1.2; }
.tile.failed, .badge.failed { color: var(--failed); }
.tile.inconclusive, .badge.inconclusive { color: var(--inconclusive); }
.tile.skipped, .badge.skipped { color: var(--skipped); }
.tile.verified, .badge.verified { color: var(--verified); }
.badge { border: 1px solid currentColor; border-radius: 999px; padding: 1px 9px; font-size: 12px;
  font-weight: 600; vertical-align: 2px; white-space: nowrap; }
table { border-collapse: collapse; } .wide { overflow-x: auto; } .wide table { width: 100%; }
th, td { text-align: left; padding: 6px 10px; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--dim); font-weight: 500; font-size: 13px; }
.n { text-align: right; font-variant-numeric: tabular-nums; }
.place, pre { font: 13px/1.5 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.place { color: var(--dim); margin: 0; } .small { font-size: 13px; color: var(--dim); margin: 4px 0 0; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 18px 22px 22px; margin-top: 24px; }
.finding { border-left: 4px solid var(--skipped); padding: 2px 0 2px 14px; margin-top: 16px; }
.finding p { margin: 2px 0; } .finding.error { border-color: var(--failed); }
.finding.warning { border-color: var(--inconclusive); }
pre { background: var(--paper); border: 1px solid var(--line); border-radius: 6px; padding: 6px 10px;
  margin: 6px 0; overflow-x: auto; }
.figures { display: flex; flex-wrap: wrap; gap: 20px 36px; align-items: flex-start; margin-top: 8px; }
figure { margin: 0; } figcaption { font-size: 13px; font-weight: 600; margin-bottom: 6px; }
figure p { max-width: 300px; }
svg text { font: 9px system-ui, "DejaVu Sans", sans-serif; text-anchor: middle; fill: var(--dim); }
svg g text { fill: revert-layer; } svg text.end { text-anchor: end; }
.frame { fill: none; stroke: var(--line); }
.plot polyline { fill: none; stroke: currentColor; stroke-width: 2; } .plot circle { fill: currentColor; }
.backward { color: var(--failed); } .limit { color: #4393c3; }
.plot text { font-size: 10px; }
.key { display: flex; gap: 6px; align-items: center; font-size: 11px; color: var(--dim); margin-top: 6px; }
.key b { display: flex; } .key i { width: 11px; height: 8px; }
.bar { display: flex; align-items: center; gap: 8px; font-size: 13px; margin: 3px 0; }
.bar span:first-child { width: 100px; color: var(--dim); }
.bar b { height: 14px; background: #4393c3; border-radius: 2px; min-width: 1px; }
.bar:first-of-type b { background: #d6604d; }
"""
