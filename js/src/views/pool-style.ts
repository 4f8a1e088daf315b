/** The look of `mh-pool`, in its shadow: the same with Bootstrap as without. */
export const POOL_STYLE = `
:host { display: block; margin: 0.5rem 0; --good: #1a7f37; --bad: #b3261e; --line: #d1d9e0; --quiet: #59636e; --busy: #0a5bd3; color: inherit; }
@media (prefers-color-scheme: dark) { :host { --good: #4cc06a; --bad: #ff8078; --line: #323b45; --quiet: #9aa4af; --busy: #6cb0ff; } }
.pool { border: 1px solid var(--line); border-radius: 8px; padding: 0.6rem 0.9rem; font: 0.875rem/1.5 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
.summary { font-weight: 600; }
.rates, .exits, .preparing { color: var(--quiet); }
.workers { list-style: none; margin: 0.5rem 0; padding: 0; }
.worker { display: grid; grid-template-columns: 5rem 5rem minmax(6rem, 1fr) auto 240px; gap: 0.6rem; align-items: center; padding: 0.15rem 0; }
.worker > canvas { grid-column: 5; width: 240px; max-width: 100%; height: 12px; border-bottom: 1px solid var(--line); }
.worker progress { width: 7rem; }
.task { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.state, .machine { color: var(--quiet); }
.machine:not(:empty)::before { content: ' · '; }
.worker[data-state='busy'] .state { color: var(--busy); }
.worker[data-state='idle'] .state { color: var(--good); }
.worker[data-state='lost'] { opacity: 0.6; }
.worker[data-state='lost'] .state { color: var(--bad); }
.controls { display: flex; flex-wrap: wrap; gap: 0.6rem; align-items: center; }
.controls input { width: 3.5rem; font: inherit; }
.controls button { font: inherit; padding: 0.1rem 0.7rem; cursor: pointer; }
.note { color: var(--bad); }
@media (max-width: 40rem) { .worker { grid-template-columns: 5rem 4rem 1fr; } .worker > canvas { grid-column: 1 / -1; } }
`
