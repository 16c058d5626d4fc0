import { CountersignError } from '../../../support/errors.ts'
import { isLoopback } from '../config.ts'

/** Further ways to write an address of this machine: systems take the unspecified one for it, and names below localhost. */
const THIS_MACHINE = /^(?:0(?:\.\d{1,3}){3}|\[::\]|\[::ffff:(?:7f[0-9a-f]{2}|0):[0-9a-f]{1,4}\]|(?:.+\.)?localhost\.?)$/

/**
 * Where OAuth for a server may lead. Its metadata names the addresses, and a server must not be able to send the gateway, or
 * the person's browser, to something that listens on this machine, nor a token over a line that others can read.
 * @throws CountersignError `forbidden`
 */
export function assertAllowed(address: URL, server: URL): void {
  const local = isLoopback(address)
  if (address.username !== '' || address.password !== '') throw refused(address, 'has credentials in it')
  if ((local || THIS_MACHINE.test(address.hostname)) && !isLoopback(server))
    throw refused(address, 'is on this machine, where the server is not')
  if (address.protocol !== 'https:' && !(local && address.protocol === 'http:')) throw refused(address, 'is not https:')
}

/** Whether tokens may be sent to a server: `"plain": true` protects a way for contexts, which is not said for credentials. */
export function mayHoldTokens(server: URL): boolean {
  return server.protocol === 'https:' || isLoopback(server)
}

/** Two names of one authorization server; the slash that some leave out is none of its name. */
export function isSameIssuer(one: string, other: string): boolean {
  return one.replace(/\/$/, '') === other.replace(/\/$/, '')
}

function refused({ protocol, host }: URL, why: string): CountersignError {
  const sentence = `The server names the address ${protocol}//${host} for its authorization, which ${why}. It was not used.`
  return new CountersignError('forbidden', sentence)
}
