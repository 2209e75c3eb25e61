"""How the page looks: in the light, in the dark, on paper."""

STYLE = """
:root {
  --paper: #ffffff; --ink: #1c2126; --soft: #5b6670; --line: #d5dbe0; --card: #f3f5f7;
  --agency: #14548c; --operator: #5aa2dc; --menu: #f3c64f; --ringing: #e8893b; --queue: #c23b2e;
  --cut: #6d3577; --open: #9aa3ab; --accent: #b3261e;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #14181c; --ink: #e6eaee; --soft: #9fabb6; --line: #38424b; --card: #1f262c;
    --agency: #3f8fd0; --operator: #9ccdf4; --menu: #f0c75e; --ringing: #ee9a54; --queue: #e0655a;
    --cut: #b682c2; --open: #76818b; --accent: #ff8a80;
  }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 3rem }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; padding-top: .6rem;
  border-top: 1px solid var(--line) }
header p, section p, figcaption { color: var(--soft); font-size: .875rem; margin: .4rem 0 }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .6rem;
  list-style: none; margin: 1.2rem 0 0; padding: 0 }
.cards li { background: var(--card); border: 1px solid var(--line); border-radius: .4rem;
  padding: .6rem .8rem; font-size: .875rem; color: var(--soft) }
.cards b { display: block; font-size: 1.5rem; line-height: 1.3; color: var(--ink);
  font-variant-numeric: tabular-nums }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem }
th, td { padding: .25rem .7rem; text-align: right; font-weight: 400; white-space: nowrap;
  border-bottom: 1px solid var(--line) }
th[scope=row], th:first-child, #human th:nth-child(2), #failures th:nth-child(2) {
  text-align: left }
thead th { color: var(--soft); border-bottom: 2px solid var(--line) }
figure { margin: 0 0 1rem }
figure .wide > svg { display: block; width: 100%; min-width: 34rem; height: auto }
figcaption span { display: inline-block; margin-right: 1rem; white-space: nowrap }
svg text { font: 12px system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif; fill: var(--soft) }
svg .axis { stroke: var(--soft) } svg .grid { stroke: var(--line) }
svg .mark { stroke: var(--accent); stroke-dasharray: 4 3 } svg path { fill: none }
svg .empty { fill: var(--card) }
svg rect { stroke: var(--paper); stroke-width: .7; print-color-adjust: exact;
  -webkit-print-color-adjust: exact }
.s-connected-agency, .s-soon { fill: var(--agency) }
.s-connected-operator, .s-late, .s-wait { fill: var(--operator) }
.s-abandoned-menu { fill: var(--menu) } .s-abandoned-ringing { fill: var(--ringing) }
.s-abandoned-queue, .s-failed { fill: var(--queue) } .s-cut-off { fill: var(--cut) }
.s-open, .s-caller-left { fill: var(--open) }
@media print {
  body { font-size: 10pt } main { max-width: none; padding: 0 }
  .cards { grid-template-columns: repeat(5, 1fr) } .wide { overflow: visible }
  figure, table, tr, .cards { break-inside: avoid } h2 { break-after: avoid }
  figure .wide > svg { min-width: 0 }
}
"""
