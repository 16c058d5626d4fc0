import { describe, expect, it } from 'vitest'
import { Unlooked } from '../../../src/extension/slots/unlooked.ts'

describe('the number on the view’s icon', () => {
  it('counts what was rejected while nobody looked, and is gone when somebody does', () => {
    const rejections = new Unlooked()
    expect(rejections.count(1, false)).toBe(1)
    expect(rejections.count(3, false)).toBe(3)
    expect(rejections.look()).toBe(0)
    expect(rejections.count(3, false)).toBe(0)
    expect(rejections.count(5, false)).toBe(2)
  })

  it('stays gone while the view is seen', () => {
    const rejections = new Unlooked()
    expect(rejections.count(2, true)).toBe(0)
    expect(rejections.count(4, true)).toBe(0)
    expect(rejections.count(5, false)).toBe(1)
  })

  it('begins anew when the panel’s list was looked at', () => {
    const rejections = new Unlooked()
    rejections.count(4, true)
    expect(rejections.count(0, false)).toBe(0)
    expect(rejections.count(1, false)).toBe(1)
  })

  it('counts one that came while the panel was looked at', () => {
    const rejections = new Unlooked()
    rejections.count(4, true)
    expect(rejections.count(2, false)).toBe(2)
  })
})
