import type { PanelHandshake, PanelIdentity, PanelSession } from '../../src/contracts/panelSession.ts'
import { type Child, h, type VNode } from '../dom/h.ts'
import { icon } from '../dom/icons.ts'
import { custodyTag, custodyWord, filled, marked, name } from '../pieces/marks.ts'
import { sentences, strings } from '../strings.ts'
import { bytes, milliseconds, number } from '../text/format.ts'
import { plain } from '../text/hostile.ts'

const t = strings.sessions
type Step = PanelHandshake['steps'][number]
type Part = Step['parts'][number]

/** A part's label is written into its bar when the bar takes this share of the scale. */
const LABELLED = 0.14

/** The handshake as it was measured: messages as bars to one scale, local work as ticks on the lifeline of who did it. */
export function ladderView(session: PanelSession, handshake: PanelHandshake): VNode {
  const most = Math.max(1, ...handshake.steps.map((step) => step.bytes))
  return h(
    'section',
    { 'aria-label': t.handshake },
    h(
      'div',
      { class: 'row wrap sechead' },
      h('h3', {}, t.handshake),
      h('span', { class: 'quiet num' }, `${milliseconds(handshake.took)} · ${bytes(handshake.bytes)}`),
      h('span', { class: 'grow' }),
      h('code', { class: 'quiet suite' }, marked(handshake.suite)),
    ),
    h(
      'ol',
      { class: 'ladder' },
      h(
        'li',
        { class: 'ends' },
        h(
          'span',
          { class: 'who' },
          icon('editor'),
          h('span', { class: 'strong' }, t.editor),
          session.self && custodyTag(session.self.custody),
        ),
        h(
          'span',
          { class: 'who' },
          session.peer && custodyTag(session.peer.custody),
          name(`${t.gateway} ${session.gateway.name}`, 'strong'),
          icon('gateway'),
        ),
      ),
      handshake.steps.map((step) => (isMessage(step) ? messageView(step, most, session) : workView(step, session))),
    ),
    h(
      'p',
      { class: 'legend lgd', 'aria-hidden': true },
      h('span', {}, h('span', { class: 'sw' }), t.clear),
      h('span', {}, icon('lock'), ' ', h('span', { class: 'sw sealed' }), t.sealed),
      h('span', {}, icon('pen'), ' ', t.signed),
      h('span', {}, t.toScale),
    ),
  )
}

const isMessage = (step: Step) => step.parts.length > 0 || step.bytes > 0

const owner = (step: Step, session: PanelSession): PanelIdentity | undefined =>
  step.by === 'client' ? session.self : session.peer

function messageView(step: Step, most: number, session: PanelSession): VNode[] {
  const way = step.by === 'client' ? 'c2s' : 's2c'
  const sealed = step.parts.some((part) => part.sealed)
  const segments = step.parts.map((part) => segment(part, most, owner(step, session)))
  const rest = Math.max(0, most - step.parts.reduce((sum, part) => sum + part.bytes, 0))
  const filler = h('span', { class: 'filler', css: { 'flex-grow': String(rest) } })
  const aside = step.name === 'Ready' && h('span', { class: 'quiet small aside' }, t.firstRecord)
  return [
    h('li', { class: 't msg', 'aria-hidden': true }, milliseconds(step.at)),
    h(
      'li',
      { class: `lane msg ${way}` },
      h(
        'div',
        { class: 'head' },
        h('span', { class: 'strong' }, step.name),
        h('span', { class: 'quiet num' }, bytes(step.bytes)),
        sealed && h('span', { class: 'cust quiet', title: t.sealed }, icon('lock')),
        h('span', { class: 'hear' }, `, ${sentences.arrives(way, milliseconds(step.at))}`),
      ),
      h('div', { class: 'arrow', 'aria-hidden': true }),
      h('div', { class: 'bytes', 'aria-hidden': true }, way === 's2c' ? [aside, filler, segments] : [segments, filler]),
      h('p', { class: 'what' }, inWords(step, session)),
    ),
  ]
}

/** A part that is new is shown as the host names it. */
const PARTS: Readonly<Record<string, string>> = strings.parts
const partWord = ({ label }: Part): string => PARTS[label] ?? plain(label)

const isSignature = (part: Part) => /signature/i.test(part.label)

function segment(part: Part, most: number, signer: PanelIdentity | undefined): VNode {
  const labelled = part.bytes / most >= LABELLED
  const title = `${partWord(part)}, ${bytes(part.bytes)}, ${part.sealed ? t.sealed : t.clear}`
  const roomy = part.bytes / most >= LABELLED * 2
  const body: Child = labelled && [
    part.sealed && icon('lock'),
    h('span', { class: 'cut' }, marked(partWord(part), 60)),
    h('span', {}, number(part.bytes)),
    isSignature(part) && roomy && [h('span', { class: 'grow' }), icon('pen'), signer && custodyWord(signer.custody)],
  ]
  return h(
    'span',
    {
      class: `seg${part.sealed ? ' sealed' : ''}${labelled ? '' : ' tiny'}`,
      css: { 'flex-grow': String(part.bytes) },
      title,
    },
    body,
  )
}

/** The same for narrow widths and screen readers. */
function inWords(step: Step, session: PanelSession): Child {
  const say = (parts: readonly Part[]) =>
    parts
      .map((part) => {
        const signer = isSignature(part) ? owner(step, session) : undefined
        const said = `${partWord(part)} ${number(part.bytes)}`
        return signer === undefined ? said : sentences.signedPart(said, strings.custody[signer.custody])
      })
      .join(', ')
  const clear = step.parts.filter((part) => !part.sealed)
  const sealed = step.parts.filter((part) => part.sealed)
  const words = [
    clear.length > 0 ? `${t.clear}: ${say(clear)}` : undefined,
    sealed.length > 0 ? `${t.sealed}: ${say(sealed)}` : undefined,
  ]
  return words.filter((part) => part !== undefined).join(' · ')
}

function workView(step: Step, session: PanelSession): VNode[] {
  const far = step.by === 'server'
  return [
    h('li', { class: 't', 'aria-hidden': true }, milliseconds(step.at)),
    h('li', { class: 'lane' }, h('div', { class: `step${far ? ' g' : ''}` }, work(step, session))),
  ]
}

function work(step: Step, session: PanelSession): Child {
  const took = ` · ${milliseconds(step.took)}`
  const mine = owner(step, session)
  if (step.name === 'sign') {
    const where = step.by === 'client' ? mine?.where : undefined
    const words = where === undefined ? t.work.sign[step.by] : filled(t.work.signedIn, plain(where))
    return [icon('pen'), h('span', {}, words, ' ', mine && custodyWord(mine.custody), took)]
  }
  if (step.name === 'verify') {
    const words = step.by === 'server' ? t.work.verify : t.work.verified[session.pin.state]
    return [icon('verified', 'ok'), h('span', {}, words, took)]
  }
  const words = step.name === 'encapsulate' ? t.work.encapsulate[step.by] : step.name
  return [icon('key'), h('span', {}, words, took)]
}
