import { afterEach, describe, expect, it, vi } from 'vitest'
import { upstreamsOf } from '../../../src/cli/httpServers.ts'
import { checkConfig } from '../../../src/contracts/configFile.ts'
import { gatewayConfig } from '../../../src/contracts/gatewayConfig.ts'

const KID = 'a'.repeat(43)
const SUITES = ['MLKEM1024_P384_MLDSA87_AES256GCM_SHA384', 'MLKEM768_X25519_MLDSA65_AES256GCM_SHA384']
const base = { identity: {}, clients: [], servers: { files: { command: 'files' } }, state: 's', journal: 'j' }
const read = (changes: object) => checkConfig({ ...base, ...changes }, gatewayConfig, 'g')
const web = (changes: object) => ({ servers: { web: { url: 'https://h/mcp', ...changes } } })
const client = (changes: object) => ({ clients: [{ kid: KID, name: 'ada', ...changes }] })

describe('the configuration of a gateway', () => {
  it('has every suite and the limits of the protocol where nothing is said', () => {
    expect(read({})).not.toHaveProperty('suites')
    expect(read({}).handshakes).toEqual({})
    expect(read({}).sessions).toEqual({})
  })

  it('takes suites, limits, and clients with an end', () => {
    const given = {
      suites: SUITES,
      handshakes: { perAddress: 1, total: 1000, halfOpen: 4096 },
      sessions: { perClient: 1, total: 5 },
    }
    expect(read(given)).toMatchObject(given)
    expect(read({ handshakes: { total: 5 } }).handshakes).toEqual({ total: 5 })
    expect(read(client({ revoked: true })).clients).toEqual([{ kid: KID, name: 'ada', revoked: true }])
    expect(read({ clients: 'enroll' }).clients).toBe('enroll')
  })

  it('takes authorities, proxies and agreements with authorization servers, and adds none', () => {
    const web = {
      url: 'https://h/mcp',
      ca: 'ca.pem',
      proxy: 'http://u:p@proxy.example:3128',
      oauth: { issuer: 'https://i', clientId: 'c', clientSecret: 's', scope: 'a b', port: 8123 },
    }
    const given = { proxy: 'http://proxy.example', servers: { web, near: { url: 'https://h', proxy: 'none' } } }
    expect(read(given)).toMatchObject(given)
    const bare = read({ servers: { web: { url: 'https://h' } } })
    expect(bare.servers).toEqual({ web: { url: 'https://h', headers: {}, plain: false } })
    expect(bare).not.toHaveProperty('proxy')
  })

  describe('names variables that hold a text', () => {
    afterEach(() => void vi.unstubAllEnvs())
    const servers = {
      files: { command: 'files', args: ['-k', { fromEnv: 'KEY' }], env: { A: 'b', C: { fromEnv: 'KEY' } } },
      web: { url: { fromEnv: 'ADDRESS' }, headers: { authorization: { fromEnv: 'KEY' } } },
    }

    it('and takes them from its own environment', async () => {
      vi.stubEnv('KEY', 'planted')
      vi.stubEnv('ADDRESS', 'https://h/mcp')
      expect(await upstreamsOf('/c/g.json', read({ servers }))).toEqual({
        files: { command: 'files', args: ['-k', 'planted'], env: { A: 'b', C: 'planted' }, cwd: '/c' },
        web: { url: 'https://h/mcp', headers: { authorization: 'planted' }, plain: false },
      })
    })

    it('and is refused without one, or with what no header can hold', async () => {
      vi.stubEnv('KEY', undefined)
      vi.stubEnv('ADDRESS', 'https://h/mcp')
      await expect(upstreamsOf('/c/g.json', read({ servers }))).rejects.toThrow(/variable KEY is not in the gateway/)
      vi.stubEnv('KEY', 'a\r\nx: y')
      await expect(upstreamsOf('/c/g.json', read({ servers }))).rejects.toThrow(/header authorization cannot be sent/)
      expect(() => read({ servers: { files: { command: { fromEnv: 'KEY' } } } })).toThrow(/command/)
      expect(() => read({ servers: { web: { url: { fromEnv: 'A B' } } } })).toThrow(/name of a variable/)
    })
  })

  const MOMENTS: Readonly<Record<string, number>> = {
    '2027-01-31': Date.UTC(2027, 0, 31),
    '2028-02-29': Date.UTC(2028, 1, 29),
    '2027-01-31T18:30Z': Date.UTC(2027, 0, 31, 18, 30),
    '2027-01-31T18:30:15Z': Date.UTC(2027, 0, 31, 18, 30, 15),
    '2027-01-31T18:30:15.250Z': Date.UTC(2027, 0, 31, 18, 30, 15, 250),
    '2027-01-31T00:30:00+02:00': Date.UTC(2027, 0, 30, 22, 30),
  }
  for (const [text, moment] of Object.entries(MOMENTS)) {
    it(`reads ${text} as one moment everywhere`, () => {
      expect(read(client({ expires: text })).clients).toMatchObject([{ expires: moment }])
    })
  }

  const DATES = [
    '2027-02-29',
    '2027-02-31',
    '2027-13-01',
    '2027-00-10',
    '2027-01-32',
    '2027-01-31T18:30',
    '2027-01-31T25:00Z',
    '2027-1-31',
    '27-01-31',
    '2027-01-31 18:30Z',
    '2027-01-31T18:30:15.1234Z',
    '2027-01-31T18:30+99:99',
    '+002027-01-31',
    'Sunday',
    '1801353600000',
    '',
  ]
  for (const text of DATES) {
    it(`refuses "${text}" as a date`, () => {
      expect(() => read(client({ expires: text }))).toThrow(/clients\.0\.expires/)
    })
  }

  const WRONG: readonly [string, object, RegExp][] = [
    ['an expiry that is a number', client({ expires: 1801353600000 }), /expires/],
    ['a revocation that is a word', client({ revoked: 'yes' }), /clients\.0\.revoked": must be true or false/],
    ['a member that nobody knows', client({ revokd: true }), /revokd/],
    ['a policy that nobody knows', { clients: 'all' }, /must be "enroll" or a list/],
    ['no clients', { clients: undefined }, /clients/],
    ['no suite', { suites: [] }, /at least one suite/],
    ['a suite twice', { suites: [SUITES[0], SUITES[0]] }, /twice/],
    ['an unknown suite', { suites: ['X25519'] }, /knows no suite/],
    ['a limit of nothing', { handshakes: { perAddress: 0 } }, /whole number from 1 to 1000/],
    ['a limit that is a fraction', { handshakes: { total: 1.5 } }, /whole number/],
    ['a limit that is text', { handshakes: { halfOpen: '64' } }, /whole number from 1 to 4096/],
    ['a limit without end', { handshakes: { halfOpen: 5000 } }, /whole number/],
    ['a server that is neither', { servers: { x: {} } }, /servers\.x": needs "command"/],
    ['a server that is both', web({ command: 'x' }), /servers\.web\.command/],
    ['a server with a member that nobody knows', web({ cert: 'x' }), /servers\.web\.cert/],
    ['an authority without a name', web({ ca: '' }), /servers\.web\.ca": must not be empty/],
    ['a switch for certificates', web({ rejectUnauthorized: false }), /rejectUnauthorized/],
    ['a proxy of another kind', web({ proxy: 'socks5://h' }), /servers\.web\.proxy": must be the http: address/],
    ['a proxy with a path', { proxy: 'http://h/x' }, /"proxy": must be host and port/],
    ['a proxy that is no address', { proxy: 'h:3128' }, /"proxy": must be the http: address/],
    ['a client of no issuer', web({ oauth: { clientId: 'c' } }), /servers\.web\.oauth": needs the "issuer"/],
    ['a secret of no client', web({ oauth: { clientSecret: 'c' } }), /without "clientId"/],
    ['an issuer that is no address', web({ oauth: { issuer: 'file:///x' } }), /address of an authorization server/],
    ['a port that needs root', web({ oauth: { port: 80 } }), /whole number from 1024/],
    ['no session at all', { sessions: { total: 0 } }, /whole number from 1 to 10000/],
    ['an unknown limit', { handshakes: { perSecond: 1 } }, /perSecond/],
  ]
  for (const [what, changes, message] of WRONG) {
    it(`refuses ${what}, and says where`, () => expect(() => read(changes)).toThrow(message))
  }
})
