import { BYTES_SHOWN, type ContextBody } from '../../src/contracts/panelContext.ts'
import type { Model } from '../app/model.ts'
import { h, type VNode } from '../dom/h.ts'
import { link, working } from '../pieces/controls.ts'
import { marked } from '../pieces/marks.ts'
import { sentences, strings } from '../strings.ts'
import { number } from '../text/format.ts'
import { hexLines } from '../text/hex.ts'

const t = strings.contexts

/** The bytes of a context as they were signed, 4 KiB at a time. */
export function bytesView(model: Model, body: ContextBody, label: string): VNode {
  const { bytes: page, error } = model.bodies.of(body.ref)
  if (page === undefined) {
    return error === undefined ? working('') : h('div', { class: 'withheld' }, h('p', {}, marked(error, 500)))
  }
  const { offset, size } = page
  const turn = (to: number) => void model.bodies.bytes(body.ref, to, model.detail?.revealed ?? false)
  const end = offset + page.bytes.length / 2
  return h(
    'div',
    { key: `bytes ${body.ref}` },
    size > BYTES_SHOWN &&
      h(
        'div',
        { class: 'ways num' },
        h('span', { class: 'quiet' }, sentences.bytesOf(number(offset), number(end), number(size))),
        h('span', { class: 'grow' }),
        offset > 0 && link(t.before, () => turn(Math.max(0, offset - BYTES_SHOWN))),
        end < size && link(t.after, () => turn(end)),
      ),
    h(
      'pre',
      { class: 'hex', tabindex: 0, dir: 'ltr', role: 'group', 'aria-label': `${label}, ${t.asBytes}` },
      hexLines(page.bytes, offset).map((line) =>
        h('div', {}, h('span', { class: 'quiet' }, `${line.offset} `), line.hex.padEnd(24), h('bdi', {}, line.text)),
      ),
    ),
  )
}
