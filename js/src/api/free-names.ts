/**
 * Looks a function's source over for names that it has not: variables of the page around it, which are not sent along, and
 * things that only pages have. It reads tokens, not grammar, and errs on one side only: what it is not sure of, it lets pass.
 */

/** What a source says about names. */
export interface SourceNames {
  /** Names that are used, and declared nowhere in the source. */
  free: Set<string>
  /** Whether it uses a `this` that it is not called with: an arrow function that of the page, a method that of its object. */
  usesLostThis: boolean
  isArrow: boolean
}

/** `null` if the source has something that tokens alone do not tell apart. */
export function namesOf(source: string): SourceNames | null {
  const tokens = tokenize(source)
  if (!tokens || tokens.some(({ text }) => UNSURE.has(text))) return null
  const declared = declaredNames(tokens)
  const free = new Set<string>()
  tokens.forEach((token, index) => {
    if (token.kind !== 'name' || KEYWORDS.has(token.text) || declared.has(token.text)) return
    const before = tokens[index - 1]?.text
    const after = tokens[index + 1]?.text
    if (SKIPPED_AFTER.has(before ?? '') || after === ':' || after === '=>') return
    free.add(token.text)
  })
  const usesThis = tokens.some(({ text }, index) => {
    const before = tokens[index - 1]?.text ?? ''
    return text === 'this' && !SKIPPED_AFTER.has(before) && tokens[index + 1]?.text !== ':'
  })
  // With a function inside that has a `this` of its own, whose it is cannot be told.
  const owners = tokens.filter(hasThis).length
  const isArrow = isArrowFirst(tokens)
  return { free, isArrow, usesLostThis: usesThis && owners === (isArrow ? 0 : 1) }
}

/** A name after one of these is a property, a label, or asked for with care. */
const SKIPPED_AFTER = new Set(['.', '?.', 'break', 'continue'])

interface Token {
  kind: 'name' | 'other'
  text: string
}

/** With these, names come and go in ways that tokens do not show. */
const UNSURE = new Set(['class', 'with', 'eval', 'import', 'export', 'using', '@', '#', '\\'])

const KEYWORDS = new Set(
  (
    'arguments async await break case catch const continue debugger default delete do else false finally for ' +
    'function get if in instanceof let new null of return set static super switch this throw true try typeof ' +
    'undefined var void while yield NaN Infinity'
  ).split(' '),
)

/** After these a slash begins a regular expression; after a name or a closing bracket it may divide. */
const BEFORE_REGEX = /^([=(,[{;:!&|?+\-*%<>~^]|=>|return|typeof|case|in|of|do|else|void|delete|throw|await|yield)$/

/** `null` where a slash may be a division or the beginning of a regular expression. */
function tokenize(source: string): Token[] | null {
  const tokens: Token[] = []
  /** For each template that is open: how many braces are open in its current `${…}`. */
  const templates: number[] = []
  const scanner =
    /\s+|\/\/[^\n]*|\/\*[^]*?\*\/|(?<name>[\p{ID_Start}$_][\p{ID_Continue}$]*)|(?<text>"(?:[^"\\\n]|\\[^])*"|'(?:[^'\\\n]|\\[^])*')|(?<number>\.?\d[\w.]*)|(?<mark>=>|\?\.(?!\d)|\.\.\.|[=!]==?|[^])/uy
  while (scanner.lastIndex < source.length) {
    const found = scanner.exec(source)
    if (!found) return null
    const { name, text, number, mark } = found.groups ?? {}
    if (name !== undefined) tokens.push({ kind: 'name', text: name })
    else if (text !== undefined || number !== undefined) tokens.push({ kind: 'other', text: '0' })
    else if (mark === '/') {
      const before = tokens.at(-1)?.text ?? '('
      const beforeThat = tokens.at(-2)?.text ?? ''
      // `i++ / 2`, or `+ +/re/`: who knows.
      if ((before === '+' || before === '-') && before === beforeThat) return null
      const isProperty = beforeThat === '.' || beforeThat === '?.'
      if (BEFORE_REGEX.test(before) && !isProperty) {
        const end = regexEnd(source, scanner.lastIndex)
        if (end === null) return null
        scanner.lastIndex = end
        tokens.push({ kind: 'other', text: '0' })
      } else if (before === ')' || before === '}') {
        return null
      } else {
        tokens.push({ kind: 'other', text: '/' })
      }
    } else if (mark === '`' || (mark === '}' && templates.at(-1) === 0)) {
      if (mark === '}') templates.pop()
      const end = templateEnd(source, scanner.lastIndex)
      if (end === null) return null
      scanner.lastIndex = end.at
      if (end.opens) templates.push(0)
      // What is put into a template stands as if it were put together with a sign.
      tokens.push({ kind: 'other', text: mark === '`' ? '0' : '+' }, { kind: 'other', text: '+' })
    } else if (mark !== undefined) {
      const depth = templates.length - 1
      if (mark === '{' && depth >= 0) templates[depth] = (templates[depth] ?? 0) + 1
      if (mark === '}' && depth >= 0) templates[depth] = (templates[depth] ?? 0) - 1
      tokens.push({ kind: 'other', text: mark })
    }
  }
  return templates.length === 0 ? tokens : null
}

function regexEnd(source: string, start: number): number | null {
  const body = /(?:[^\\/[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y
  body.lastIndex = start
  const found = body.exec(source)
  // A class within a class, which the newest kind of regular expression has, is more than this pattern reads.
  return found && !/\[[^\]]*\[/.test(found[0]) ? body.lastIndex : null
}

/** Where a template's text ends: at its end, or where `${` opens. */
function templateEnd(source: string, start: number): { at: number; opens: boolean } | null {
  for (let at = start; at < source.length; at += 1) {
    if (source[at] === '\\') at += 1
    else if (source[at] === '`') return { at: at + 1, opens: false }
    else if (source[at] === '$' && source[at + 1] === '{') return { at: at + 2, opens: true }
  }
  return null
}

/** Every name that stands where names are declared, and some more: too many let a name pass, too few would not. */
function declaredNames(tokens: Token[]): Set<string> {
  const declared = new Set<string>()
  const add = (token: Token | undefined): void => {
    if (token?.kind === 'name') declared.add(token.text)
  }
  const addRange = (from: number, to: number): void => tokens.slice(from, to).forEach(add)
  tokens.forEach(({ text }, index) => {
    const after = tokens[index + 1]
    if (text === '=>') {
      const before = tokens[index - 1]
      if (before?.text === ')') addRange(openingOf(tokens, index - 1), index)
      else add(before)
    } else if (text === 'function') {
      add(after?.text === '*' ? tokens[index + 2] : after)
    } else if (text === 'typeof') {
      add(after) // Whoever asks first knows that it may not be there.
    } else if (text === 'const' || text === 'let' || text === 'var') {
      for (const token of patternTokens(tokens, index + 1)) add(token)
    } else if (text === '(' && tokens[closingOf(tokens, index) + 1]?.text === '{') {
      // The parameters of a function or method; or the head of a statement, whose names then pass too.
      add(tokens[index - 1])
      const isHead = STATEMENTS.has(tokens[index - 1]?.text ?? '') && tokens[index - 1]?.text !== 'catch'
      if (!isHead) addRange(index, closingOf(tokens, index))
    }
    if (after?.text === '=' && text !== ')' && text !== ']') add(tokens[index])
  })
  return declared
}

const STATEMENTS = new Set(['if', 'while', 'for', 'switch', 'catch'])

/** Whether a function or method with a `this` of its own begins here. */
function hasThis({ text }: Token, index: number, tokens: Token[]): boolean {
  if (text === 'function') return true
  const isMethod = text === '(' && tokens[closingOf(tokens, index) + 1]?.text === '{'
  return isMethod && !STATEMENTS.has(tokens[index - 1]?.text ?? '')
}

/**
 * The tokens of a declaration's patterns: up to each `=`, and on from the comma after its value, to the end of the statement.
 * Where a statement ends without a semicolon this goes too far, and lets names pass.
 */
function* patternTokens(tokens: Token[], start: number): Iterable<Token> {
  let depth = 0
  let inValue = false
  for (const token of tokens.slice(start)) {
    const { text } = token
    if (depth === 0 && (text === ';' || text === 'of' || text === 'in')) return
    if (depth === 0 && text === '=') inValue = true
    if (depth === 0 && text === ',') inValue = false
    if ('([{'.includes(text)) depth += 1
    if (')]}'.includes(text)) depth -= 1
    if (depth < 0) return
    if (!inValue) yield token
  }
}

function closingOf(tokens: Token[], open: number): number {
  let depth = 0
  for (let index = open; index < tokens.length; index += 1) {
    const { text } = tokens[index] as Token
    if ('([{'.includes(text)) depth += 1
    if (')]}'.includes(text)) depth -= 1
    if (depth === 0) return index
  }
  return tokens.length
}

function openingOf(tokens: Token[], close: number): number {
  let depth = 0
  for (let index = close; index >= 0; index -= 1) {
    const { text } = tokens[index] as Token
    if (')]}'.includes(text)) depth += 1
    if ('([{'.includes(text)) depth -= 1
    if (depth === 0) return index
  }
  return 0
}

/** Whether the whole source is one arrow function: its parameters, and then the arrow. */
function isArrowFirst(tokens: Token[]): boolean {
  const start = tokens[0]?.text === 'async' ? 1 : 0
  const end = tokens[start]?.text === '(' ? closingOf(tokens, start) : start
  return tokens[end + 1]?.text === '=>'
}
