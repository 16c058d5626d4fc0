import { describe, expect, it } from 'vitest'
import { Proof } from '../../../src/keys/process/proof.ts'

const needed = expect.objectContaining({ code: 'pin-needed' })
const [one, other] = [new Uint8Array([1]), new Uint8Array([2])]

describe('the proof that a person is there', () => {
  it('is none before a login, after a logout, and a minute later', () => {
    let now = 5
    const proof = new Proof(() => now)
    expect(() => proof.spend(one)).toThrow(needed)
    proof.renew()
    now += 60_000
    proof.spend(one)
    now += 1
    expect(() => proof.spend(one)).toThrow(needed)
    proof.renew()
    proof.revoke()
    expect(() => proof.spend(one)).toThrow(needed)
  })

  it('is good for one transition, which both of its keys sign', () => {
    const proof = new Proof()
    proof.renew()
    proof.spend(one)
    proof.spend(one)
    expect(() => proof.spend(other)).toThrow(needed)
    proof.renew()
    proof.spend(other)
    expect(() => proof.spend(one)).toThrow(needed)
  })
})
