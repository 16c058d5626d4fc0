/** What a parsed model is made of. Only the part of ProVerif's language that the models use. */
export type Term =
  | { readonly kind: 'name'; readonly name: string; readonly line: number }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Term[]; readonly line: number }
  | { readonly kind: 'tuple'; readonly items: readonly Term[] }
  | {
      readonly kind: 'op'
      readonly op: '=' | '<>' | '&&' | '||' | '==>'
      readonly left: Term
      readonly right: Term
      readonly line: number
    }
  | { readonly kind: 'choice'; readonly left: Term; readonly right: Term; readonly line: number }
  | { readonly kind: 'if'; readonly test: Term; readonly yes: Term; readonly no: Term; readonly line: number }

export type Pattern =
  | { readonly kind: 'bind'; readonly name: string; readonly type: string | undefined; readonly line: number }
  | { readonly kind: 'tuple'; readonly items: readonly Pattern[] }
  | { readonly kind: 'equal'; readonly term: Term }

export type Process =
  | { readonly kind: 'nil' }
  | { readonly kind: 'parallel'; readonly parts: readonly Process[] }
  | { readonly kind: 'replicate'; readonly body: Process }
  | { readonly kind: 'macro'; readonly name: string; readonly args: readonly Term[]; readonly line: number }
  | {
      readonly kind: 'new'
      readonly name: string
      readonly type: string
      readonly rest: Process
      readonly line: number
    }
  | { readonly kind: 'in'; readonly channel: Term; readonly pattern: Pattern; readonly rest: Process }
  | { readonly kind: 'out'; readonly channel: Term; readonly term: Term; readonly rest: Process }
  | {
      readonly kind: 'let'
      readonly pattern: Pattern
      readonly term: Term
      readonly rest: Process
      readonly otherwise: Process
    }
  | {
      readonly kind: 'if'
      readonly test: Term
      readonly rest: Process
      readonly otherwise: Process
      readonly line: number
    }
  | {
      readonly kind: 'event'
      readonly name: string
      readonly args: readonly Term[]
      readonly rest: Process
      readonly line: number
    }
  | { readonly kind: 'phase'; readonly rest: Process }

export interface Variable {
  readonly name: string
  readonly type: string
}

/** `left = right` under the variables `forall`. */
export interface Rule {
  readonly forall: readonly Variable[]
  readonly left: Term
  readonly right: Term
}

export type Declaration = { readonly line: number } & (
  | { readonly kind: 'type'; readonly name: string }
  | { readonly kind: 'value'; readonly names: readonly string[]; readonly type: string }
  | {
      readonly kind: 'function'
      readonly name: string
      readonly args: readonly string[]
      readonly result: string
      readonly rules: readonly Rule[]
    }
  | { readonly kind: 'destructor'; readonly rule: Rule }
  | { readonly kind: 'equation'; readonly rule: Rule }
  | { readonly kind: 'event'; readonly name: string; readonly args: readonly string[] }
  | { readonly kind: 'letfun'; readonly name: string; readonly params: readonly Variable[]; readonly body: Term }
  | { readonly kind: 'macro'; readonly name: string; readonly params: readonly Variable[]; readonly body: Process }
  | { readonly kind: 'query'; readonly forall: readonly Variable[]; readonly body: Term; readonly text: string }
)

export interface Model {
  readonly declarations: readonly Declaration[]
  readonly process: Process
}
