import { describe, expect, it } from 'vitest'
import { linkless } from '../../../src/support/printable.ts'

/** As VS Code finds links in its notifications and prompts (src/vs/base/common/linkedText.ts). */
const LINK = /\[([^\]]+)\]\(((?:https?:\/\/|command:|file:)[^)\s]+)(?: (["'])(.+?)(\3))?\)/gi

describe('a text for a notification', () => {
  it.each(['[Mend](command:workbench.action.quit)', '[[a](command:b "c")', '[a](https://b)', '[a](file:///b)'])(
    'has no link: %s',
    (link) => {
      const text = `files answered with status 400: ${link} and ${link}`
      expect(text.match(LINK) ?? []).not.toEqual([])
      expect(linkless(text)).not.toMatch(LINK)
    },
  )

  it('is what it was where there was none', () => {
    const text = 'The file /srv/[a] (b)/c.json cannot be read: see list[0].'
    expect(linkless(text)).toBe(text)
  })
})
