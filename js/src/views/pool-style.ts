/** The look of `mh-pool`, in its shadow: the same with Bootstrap as without. */
export const POOL_STYLE = `
:host { display: block; margin: 0.5rem 0; --good: #1a7f37; --bad: #b3261e; --line: #d1d9e0; --soft: #f6f8fa; --text: #1f2328; --quiet: #59636e; --busy: #0a5bd3; }
@media (prefers-color-scheme: dark) { :host { --good: #4cc06a; --bad: #ff8078; --line: #3a444f; --soft: #1a2129; --text: #e6e9ed; --quiet: #9aa4af; --busy: #6cb0ff; } }
[hidden] { display: none !important; }
.pool { border: 1px solid var(--line); border-radius: 8px; padding: 0.75rem 1rem; color: var(--text); font: 0.875rem/1.5 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
.summary { font-weight: 600; }
.spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.rates, .exits, .preparing { color: var(--quiet); }
.failure, .note { color: var(--bad); white-space: pre-wrap; }
.workers { list-style: none; margin: 0.6rem 0; padding: 0; }
.workers:empty { display: none; }
.worker { display: grid; grid-template-columns: 2.5rem 5.5rem minmax(8rem, 5fr) minmax(6rem, 6fr); gap: 0.75rem; align-items: center; padding: 0.2rem 0; border-top: 1px solid var(--line); }
.worker > canvas { width: 100%; height: 14px; border-radius: 2px; background: var(--soft); }
.worker > progress { width: 100%; height: 0.5rem; accent-color: var(--busy); }
.name { font-weight: 600; }
.task { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.state { color: var(--quiet); }
.state::before { content: ''; display: inline-block; width: 0.5rem; height: 0.5rem; margin-right: 0.4rem; border-radius: 50%; background: currentColor; }
.worker[data-state='busy'] .state, .worker[data-state='installing'] .state { color: var(--busy); }
.worker[data-state='idle'] .state { color: var(--good); }
.worker[data-state='lost'] .state { color: var(--bad); }
.worker:is([data-state='lost'], [data-state='ended']) :is(.name, .task) { color: var(--quiet); font-weight: 400; }
.controls { display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: center; margin: 0; padding-top: 0.6rem; border-top: 1px solid var(--line); }
.controls .space { flex: 1; }
.controls .note { flex-basis: 100%; }
.controls .note:empty { display: none; }
.controls :is(input, button) { box-sizing: border-box; height: 1.9rem; border: 1px solid var(--line); border-radius: 6px; background: var(--soft); color: var(--text); font: inherit; }
.controls input { width: 3.8rem; padding: 0 0.4rem; background: transparent; }
.controls button { padding: 0 0.75rem; cursor: pointer; }
.controls button:hover:enabled { border-color: var(--quiet); }
.controls button:disabled { color: var(--quiet); cursor: default; }
.controls .terminate:enabled { color: var(--bad); }
.controls :focus-visible { outline: 2px solid var(--busy); outline-offset: 1px; }
@media (max-width: 40rem) { .worker { grid-template-columns: 2.5rem 5.5rem 1fr; } .worker > :is(canvas, progress) { grid-column: 1 / -1; } }
`
