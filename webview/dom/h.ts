/**
 * A tiny element builder. `h` describes an element, `patch` makes the document look like the description and touches
 * only what differs, so that focus, scroll positions and text selections survive an update. There is no way from here
 * to markup: text becomes text nodes, attributes are set by name, styles go through the style object.
 */
type Attribute = string | number | boolean | undefined
export type Css = Readonly<Record<string, string>>
export type Handlers = Readonly<Record<string, (event: Event) => void>>

export interface Props {
  readonly key?: string
  /** The element's children are drawn by somebody else: `patch` leaves them alone. */
  readonly own?: boolean
  readonly css?: Css
  readonly on?: Handlers
  readonly [attribute: string]: Attribute | Css | Handlers
}

export interface VNode {
  readonly tag: string
  readonly svg: boolean
  readonly props: Props
  readonly children: readonly (VNode | string)[]
}

export type Child = VNode | string | number | undefined | false | readonly Child[]

function flatten(children: readonly Child[], into: (VNode | string)[] = []): (VNode | string)[] {
  for (const child of children) {
    if (child === undefined || child === false) continue
    if (typeof child === 'string' || typeof child === 'number') into.push(String(child))
    else if (isList(child)) flatten(child, into)
    else into.push(child)
  }
  return into
}

function isList(child: VNode | readonly Child[]): child is readonly Child[] {
  return Array.isArray(child)
}

export function h(tag: string, props: Props = {}, ...children: Child[]): VNode {
  return { tag, svg: false, props, children: flatten(children) }
}

export function s(tag: string, props: Props = {}, ...children: Child[]): VNode {
  return { tag, svg: true, props, children: flatten(children) }
}

const SVG = 'http://www.w3.org/2000/svg'
/** What could run or load something, whoever asks for it. */
const RESERVED = new Set(['key', 'own', 'css', 'on'])
const FORBIDDEN = /^(?:on.*|style|srcdoc|src|href|xlink:href|action|formaction)$/i

const described = new WeakMap<Element, VNode>()
const listening = new WeakMap<Element, Map<string, (event: Event) => void>>()

function isAttribute(value: Props[string]): value is Attribute {
  return typeof value !== 'object'
}

function setAttribute(element: Element, name: string, value: Attribute): void {
  if (FORBIDDEN.test(name)) throw new TypeError(`The attribute ${name} is not set by the panel`)
  if (name === 'value' && 'value' in element) {
    element.value = value === undefined ? '' : String(value)
    return
  }
  const aria = name.startsWith('aria-')
  if (value === undefined || (value === false && !aria)) element.removeAttribute(name)
  else element.setAttribute(name, value === true && !aria ? '' : String(value))
}

/** One native listener a type, which looks up the current handler: updates swap a map entry. */
function setHandlers(element: Element, handlers: Handlers = {}): void {
  let current = listening.get(element)
  if (current === undefined) {
    if (Object.keys(handlers).length === 0) return
    current = new Map()
    listening.set(element, current)
  }
  const map = current
  for (const type of Array.from(map.keys())) if (handlers[type] === undefined) map.set(type, () => {})
  for (const [type, handler] of Object.entries(handlers)) {
    if (!map.has(type)) element.addEventListener(type, (event) => map.get(type)?.(event))
    map.set(type, handler)
  }
}

function setCss(element: Element, before: Css = {}, css: Css = {}): void {
  if (!(element instanceof HTMLElement || element instanceof SVGElement)) return
  for (const name of Object.keys(before)) if (css[name] === undefined) element.style.removeProperty(name)
  for (const [name, value] of Object.entries(css)) {
    if (before[name] !== value) element.style.setProperty(name, value)
  }
}

function setProps(element: Element, before: Props, props: Props): void {
  for (const name of Object.keys(before)) {
    if (props[name] === undefined && !RESERVED.has(name)) setAttribute(element, name, undefined)
  }
  for (const [name, value] of Object.entries(props)) {
    if (RESERVED.has(name) || !isAttribute(value) || before[name] === value) continue
    setAttribute(element, name, value)
  }
  setCss(element, before.css, props.css)
  setHandlers(element, props.on)
}

function create(node: VNode): Element {
  const element = node.svg ? document.createElementNS(SVG, node.tag) : document.createElement(node.tag)
  for (const child of node.children) element.append(typeof child === 'string' ? child : create(child))
  setProps(element, {}, node.props)
  described.set(element, node)
  return element
}

function update(element: Element, before: VNode, node: VNode): void {
  if (before === node) return
  if (node.props.own !== true) patch(element, node.children)
  setProps(element, before.props, node.props)
  described.set(element, node)
}

/** The element made to look like the description, or a new one. Where it stands is the caller's. */
export function put(element: Element | undefined, node: VNode): Element {
  const before = element === undefined ? undefined : described.get(element)
  if (element === undefined || before?.tag !== node.tag) return create(node)
  update(element, before, node)
  return element
}

const keyOf = (node: VNode | string) => (typeof node === 'string' ? undefined : node.props.key)

function reusable(node: VNode | string, candidate: Node | undefined): boolean {
  if (candidate === undefined) return false
  if (typeof node === 'string') return candidate.nodeType === 3
  const before = candidate instanceof Element ? described.get(candidate) : undefined
  return before !== undefined && before.tag === node.tag && before.props.key === node.props.key
}

/** Makes the children of `parent` what `nodes` describe. */
export function patch(parent: Element, nodes: readonly (VNode | string)[]): void {
  const old = Array.from(parent.childNodes)
  const keyed = new Map<string, Node>()
  for (const child of old) {
    const key = child instanceof Element ? described.get(child)?.props.key : undefined
    if (key !== undefined) keyed.set(key, child)
  }
  const free = old.filter((child) => !(child instanceof Element) || described.get(child)?.props.key === undefined)
  const kept = new Set<Node>()
  let place: Node | null = parent.firstChild
  for (const node of nodes) {
    const key = keyOf(node)
    let match = key === undefined ? undefined : keyed.get(key)
    if (key === undefined) {
      const at = free.findIndex((candidate) => reusable(node, candidate))
      if (at >= 0) match = free.splice(0, at + 1)[at]
    }
    if (match === undefined || !reusable(node, match) || kept.has(match))
      match = typeof node === 'string' ? document.createTextNode(node) : create(node)
    else if (typeof node === 'string') {
      if (match.textContent !== node) match.textContent = node
    } else if (match instanceof Element) update(match, described.get(match) ?? node, node)
    kept.add(match)
    if (match === place) place = place.nextSibling
    else parent.insertBefore(match, place)
  }
  for (const child of old) if (!kept.has(child) && child.parentNode === parent) child.remove()
}
