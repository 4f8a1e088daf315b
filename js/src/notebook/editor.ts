/** CodeMirror, and the colours of code that is only shown. A script of its own: pages load it when it is needed. */

import { autocompletion, completionKeymap, closeBrackets } from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands'
import { javascript, javascriptLanguage } from '@codemirror/lang-javascript'
import { python, pythonLanguage } from '@codemirror/lang-python'
import { bracketMatching, indentOnInput, syntaxHighlighting } from '@codemirror/language'
import { EditorState, Prec } from '@codemirror/state'
import { EditorView, keymap } from '@codemirror/view'
import { classHighlighter, highlightCode } from '@lezer/highlight'

export interface Editor {
  focus: () => void
}

export interface EditorActions {
  changed: (text: string) => void
  run: () => void
}

/** How long after Escape Tab leaves the editor. */
const LEAVE_MS = 2_000

/** Puts an editor in the place of an element. */
export function openEditor(place: HTMLElement, language: string, text: string, { changed, run }: EditorActions): Editor {
  const parent = document.createElement('div')
  parent.className = 'mh-editor'
  place.replaceWith(parent)
  const runKeys = ['Shift-Enter', 'Mod-Enter'].map((key) => ({
    key,
    run: () => {
      run()
      return true
    },
  }))
  // Tab indents; after Escape it leaves, also if Escape has closed a list of completions.
  const escape = {
    key: 'Escape',
    run: (view: EditorView) => {
      view.setTabFocusMode(LEAVE_MS)
      return false
    },
  }
  return new EditorView({
    parent,
    state: EditorState.create({
      doc: text,
      extensions: [
        Prec.highest(keymap.of([...runKeys, escape])),
        history(),
        indentOnInput(),
        bracketMatching(),
        closeBrackets(),
        autocompletion(),
        keymap.of([...completionKeymap, ...defaultKeymap, ...historyKeymap, indentWithTab]),
        language === 'python' ? python() : javascript(),
        syntaxHighlighting(classHighlighter),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ 'aria-label': 'source of the cell' }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) changed(update.state.doc.toString())
        }),
      ],
    }),
  })
}

/** Colours the code that an element holds as text. */
export function highlight(code: HTMLElement): void {
  const language = /language-(\w+)/.exec(code.className)?.[1]
  const { parser } = language === 'python' ? pythonLanguage : javascriptLanguage
  if (language !== 'python' && language !== 'javascript' && language !== 'js') return
  const text = code.textContent ?? ''
  const parts = document.createDocumentFragment()
  highlightCode(
    text,
    parser.parse(text),
    classHighlighter,
    (piece, classes) => {
      if (!classes) return parts.append(piece)
      const span = document.createElement('span')
      span.className = classes
      span.textContent = piece
      parts.append(span)
    },
    () => parts.append('\n'),
  )
  code.replaceChildren(parts)
}
