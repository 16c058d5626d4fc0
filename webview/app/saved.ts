import * as v from 'valibot'
import { VIEWS } from '../../src/contracts/panel.ts'
import { filterSchema, NO_FILTER } from '../../src/contracts/panelContexts.ts'

/** What survives hiding the panel and reloading the window: where one was, never what was shown. */
const text = v.pipe(v.string(), v.maxLength(256))

const savedSchema = v.strictObject({
  view: v.picklist(VIEWS),
  session: v.optional(text),
  context: v.optional(text),
  key: v.optional(text),
  filter: filterSchema,
  folded: v.pipe(v.array(text), v.maxLength(200)),
})

export type Saved = v.InferOutput<typeof savedSchema>

const FRESH: Saved = {
  view: 'sessions',
  filter: { ...NO_FILTER },
  folded: [],
}

/** An older version's state, or none, is a fresh start. */
export function readSaved(value: unknown): Saved {
  const parsed = v.safeParse(savedSchema, value)
  return parsed.success ? parsed.output : { ...FRESH }
}
