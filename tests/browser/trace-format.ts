/** Chrome's trace event format, as its readers want it: what is wrong with a file, or nothing. */

interface Event {
  [field: string]: unknown
  ph: string
  name: string
  pid: number
  tid: number
  ts: number
  dur: number
  args: Record<string, unknown>
}

const METADATA: Record<string, 'string' | 'number'> = { process_name: 'string', thread_name: 'string', thread_sort_index: 'number' }

export function problemsOf(json: string): string[] {
  const { traceEvents } = JSON.parse(json) as { traceEvents?: Event[] }
  if (!Array.isArray(traceEvents)) return ['`traceEvents` is no list']
  const timed = traceEvents.filter(({ ph }) => ph !== 'M')
  return [...traceEvents.flatMap(problemsOfEvent), ...orderProblems(timed), ...nestingProblems(timed)]
}

function problemsOfEvent(event: Event): string[] {
  const { ph, name, args } = event
  const wrong = (what: string): string => `${what}: ${JSON.stringify(event)}`
  const problems: string[] = []
  for (const field of ['name', 'cat', 'ph']) if (typeof event[field] !== 'string' || event[field] === '') problems.push(wrong(`no \`${field}\``))
  for (const field of ['pid', 'tid', 'ts']) if (!isCount(event[field])) problems.push(wrong(`\`${field}\` is no count`))
  if (typeof args !== 'object' || args === null) return [...problems, wrong('no `args`')]
  switch (ph) {
    case 'X':
      if (!isCount(event.dur)) problems.push(wrong('`dur` is no count'))
      break
    case 'i':
      if (!['g', 'p', 't'].includes(String(event['s']))) problems.push(wrong('no scope'))
      break
    case 'C':
      if (Object.keys(args).length === 0 || !Object.values(args).every(isCount)) problems.push(wrong('a counter counts'))
      break
    case 'M':
      if (typeof args[name === 'thread_sort_index' ? 'sort_index' : 'name'] !== METADATA[name]) problems.push(wrong('unknown metadata'))
      break
    default:
      problems.push(wrong('unknown phase'))
  }
  return problems
}

function orderProblems(events: Event[]): string[] {
  return events.slice(1).flatMap((event, index) => (event.ts < (events[index]?.ts ?? 0) ? [`${event.name} is before what it follows`] : []))
}

/** Spans of one track lie within each other, or apart. */
function nestingProblems(events: Event[]): string[] {
  const problems: string[] = []
  const all = events.filter(({ ph }) => ph === 'X')
  const trackOf = ({ pid, tid }: Event): string => `${pid}/${tid}`
  for (const track of new Set(all.map(trackOf))) {
    const spans = all.filter((span) => trackOf(span) === track)
    const open: Event[] = []
    for (const span of spans.toSorted((a, b) => a.ts - b.ts || b.dur - a.dur)) {
      while (open.length > 0 && endOf(open.at(-1)) <= span.ts) open.pop()
      if (open.length > 0 && endOf(open.at(-1)) < endOf(span)) problems.push(`\`${span.name}\` overlaps \`${open.at(-1)?.name}\``)
      open.push(span)
    }
  }
  return problems
}

const endOf = (span: Event | undefined): number => (span ? span.ts + span.dur : 0)
const isCount = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value) && value >= 0
