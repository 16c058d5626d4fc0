import { type Child, h, type Props, type VNode } from '../dom/h.ts'
import { icon, type IconName } from '../dom/icons.ts'

interface Button {
  readonly label: string
  readonly press: () => void
  readonly icon?: IconName
  readonly look?: 'primary' | 'secondary'
  readonly disabled?: boolean
  readonly danger?: boolean
  readonly title?: string
}

export function button(options: Button): VNode {
  return h(
    'vscode-button',
    {
      key: `button ${options.label}`,
      appearance: options.look ?? 'secondary',
      disabled: options.disabled ?? false,
      class: options.danger === true ? 'danger' : '',
      title: options.title,
      on: { click: () => options.disabled !== true && options.press() },
    },
    options.icon !== undefined && icon(options.icon, '', 'start'),
    options.label,
  )
}

/** A button that stays down: the state is told to a screen reader, and drawn with a border. */
export function toggle(label: Child, pressed: boolean, press: () => void, props: Props & { icon: IconName }): VNode {
  const { icon: glyph, ...rest } = props
  return h(
    'vscode-button',
    { ...rest, appearance: 'secondary', 'aria-pressed': pressed, on: { click: press } },
    icon(glyph, '', 'start'),
    label,
  )
}

/** The toolkit's link wants an address; this one is an intent, so it is a button that looks like a link. */
export function link(label: string, press: () => void, pressed?: boolean): VNode {
  const on = { click: press }
  return h('button', { key: `link ${label}`, type: 'button', class: 'link', 'aria-pressed': pressed, on }, label)
}

/** A link where there is no room for its words. */
export function copyGlyph(label: string, press: () => void): VNode {
  return h(
    'button',
    {
      key: `link ${label}`,
      type: 'button',
      class: 'link glyph',
      title: label,
      'aria-label': label,
      on: { click: press },
    },
    icon('copy'),
  )
}

/** What most people do not need: closed until somebody wants it. */
export function disclosure(title: string, ...content: Child[]): VNode {
  return h('details', { key: `more ${title}` }, h('summary', {}, title), content)
}

/** A full stop in the work: what happened, what was not harmed, what comes next. */
export function emptyState(title: string, text: Child, actions: readonly VNode[], glyph?: VNode): VNode {
  return h(
    'section',
    { class: 'empty' },
    h('h2', {}, glyph, h('span', {}, title)),
    h('p', { class: 'quiet' }, text),
    actions.length > 0 && h('div', { class: 'actions' }, actions),
  )
}

export function working(text: string): VNode {
  return h('div', { class: 'working', role: 'status' }, h('vscode-progress-ring', {}), h('span', {}, text))
}
