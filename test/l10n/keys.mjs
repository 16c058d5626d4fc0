// Which English sentences are to be translated, found in the source: the arguments of `t` and `said`, the tables of `translated`, and the
// sentences of errors. What a placeholder stands for has no name: its order in the template is its number.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseSync } from 'oxc-parser'

/** Which argument of these is a sentence. */
const SENTENCE_AT = {
  CountersignError: 1,
  SessionError: 1,
  EvidenceError: 2,
  toCountersignError: 1,
  badStatement: 0,
  badBatch: 0,
  replayed: 0,
}

/**
 * Where sentences stay English: the command line and the gateway, which have no editor; and what only says how a peer, or a file, broke the
 * rules of the protocol. That goes to whoever writes the other end.
 */
const ENGLISH = [
  /^src\/(cli|crypto|mcp\/(upstream|exchange|client\/(?!sdkClient|statusError)|message|lines))/,
  /^src\/contracts\/(cbor\w*|configFile)\.ts$/,
  /^src\/session\/(channel|handshake\/(?!deadline)|contexts\/(?!sendEnds)|rekey|resume|transition|legs|carrier\/webSocketServer|connection|heartbeat|openConnection)\b/,
  /^src\/evidence\/(bundle\/(format|manifest\w*|reader)|batch|offline|signingInput|statement|transitionPayload)\b/,
  /^src\/trust\/clientRegistry\.ts$/,
  /^src\/keys\/hsm\/openIdentity\.ts$/,
]

/**
 * @typedef {{ key: string, at: string }} Found
 * @param {string} root
 * @returns {{ host: Found[], panel: Found[], glued: string[] }} `glued`: a template whose parts nobody can translate
 */
export function findKeys(root) {
  const spoken = files(root, 'src').filter((file) => !ENGLISH.some((pattern) => pattern.test(file)))
  const host = spoken.map((file) => keysOf(root, file))
  const panel = files(root, 'webview').map((file) => keysOf(root, file))
  return {
    host: host.flatMap(({ keys }) => keys),
    panel: panel.flatMap(({ keys }) => keys),
    glued: [...host, ...panel].flatMap(({ glued }) => glued),
  }
}

/** @param {string} root @param {string} folder */
function files(root, folder) {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
    .map((file) => `${folder}/${file}`)
    .toSorted()
}

/** @param {string} root @param {string} file */
function keysOf(root, file) {
  const text = readFileSync(join(root, file), 'utf8')
  /** @type {Found[]} */
  const keys = []
  /** @type {string[]} */
  const glued = []
  const at = (node) => `${file}:${text.slice(0, node.start).split('\n').length}`
  // `{0} {1}` is the same in every language.
  const push = (key, node) => /\p{L}/u.test(key.replace(/\{\d\}/g, '')) && keys.push({ key, at: at(node) })
  const add = (node) => {
    const key = literal(node)
    if (key === undefined) glued.push(at(node))
    else push(key, node)
  }
  visit(parseSync(file, text).program, (node) => {
    if (node.type === 'TaggedTemplateExpression' && isTranslator(node.tag)) {
      push(template(node.quasi), node)
    }
    if (node.type !== 'CallExpression' && node.type !== 'NewExpression') return
    const [first] = node.arguments
    if (isTranslator(node.callee) && isText(first)) add(first)
    if (node.callee.name === 'translated' && first !== undefined) {
      visit(first, (leaf) => leaf.type === 'Property' && isText(leaf.value) && add(leaf.value))
    }
    const sentence = node.arguments[SENTENCE_AT[node.callee.name] ?? -1]
    if (isText(sentence)) add(sentence)
  })
  return { keys, glued }
}

const isTranslator = ({ type, name }) => type === 'Identifier' && (name === 't' || name === 'said')
const isText = (node) =>
  node?.type === 'TemplateLiteral' || (node?.type === 'Literal' && typeof node.value === 'string')

/** Undefined: it has values in it and no tag, so that they are part of the sentence. */
function literal(node) {
  if (node.type === 'Literal') return node.value
  return node.expressions.length === 0 ? template(node) : undefined
}

const template = ({ quasis }) => quasis.map((part, at) => (at === 0 ? '' : `{${at - 1}}`) + part.value.cooked).join('')

/** @param {any} node @param {(node: any) => void} look */
export function visit(node, look) {
  if (node === null || typeof node !== 'object') return
  if (typeof node.type === 'string') look(node)
  for (const child of Object.values(node)) visit(child, look)
}

const SHOWS =
  /^(show(Information|Warning|Error)Message|showQuickPick|showInputBox|setStatusBarMessage|withProgress|report)$/
const SHOWN =
  /^(title|placeHolder|prompt|detail|label|description|tooltip|openLabel|saveLabel|text|sentence|reason|finding|none)$/

/**
 * Literals that a person would see although nobody can translate them: given to what shows something, or to one of its properties.
 * @param {string} root @param {string} folder
 */
export function findBypasses(root, folder) {
  return files(root, folder).flatMap((file) => {
    const text = readFileSync(join(root, file), 'utf8')
    /** @type {string[]} */
    const found = []
    const note = (node) => {
      if (node.type === 'ConditionalExpression') return [node.consequent, node.alternate].forEach(note)
      if (!isText(node) || !isSpoken(node)) return
      found.push(`${file}:${text.slice(0, node.start).split('\n').length} ${text.slice(node.start, node.end)}`)
    }
    visit(parseSync(file, text).program, (node) => {
      const { object, property, name } = node.callee ?? {}
      if (node.type === 'CallExpression' && (SHOWS.test(property?.name ?? name) || object?.name === 'notify'))
        node.arguments.forEach(note)
      if (node.type === 'Property' && SHOWN.test(node.key.name)) note(node.value)
    })
    return found
  })
}

/** Words, not a name, an address, or names that stand beside each other. */
function isSpoken(node) {
  const spoken = node.type === 'Literal' ? node.value : template(node)
  return /\p{Ll}{2} \p{L}|\p{L}{3}[….?]$|^\p{Lu}\p{Ll}{2,}$/u.test(spoken.replace(/\{\d\}|\$\([a-z-]+\)/g, ''))
}
