import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { openssl } from '../setup/openssl.mjs'
import { run } from '../setup/run.mjs'

/** Certificates of an authority that nobody else knows, made by OpenSSL for the time of a test. */
export class Authority {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'countersign-ca-'))

  /** The file with the authority's own certificate. */
  get file(): string {
    return path.join(this.folder, 'ca.pem')
  }

  get pem(): string {
    return readFileSync(this.file, 'utf8')
  }

  static async create(): Promise<Authority> {
    await openssl()
    const authority = new Authority()
    await authority.request('ca', ['-addext', 'basicConstraints=critical,CA:TRUE'])
    return authority
  }

  /** @param names as in subjectAltName: `DNS:a.example`, `IP:127.0.0.1` */
  async issue(...names: readonly string[]): Promise<{ key: string; cert: string }> {
    const signer = ['-CA', this.file, '-CAkey', path.join(this.folder, 'ca.key')]
    await this.request('leaf', ['-addext', `subjectAltName=${names.join(',')}`, ...signer])
    const [key = '', cert = ''] = ['leaf.key', 'leaf.pem'].map((name) =>
      readFileSync(path.join(this.folder, name), 'utf8'),
    )
    return { key, cert }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  private async request(name: string, extra: readonly string[]): Promise<void> {
    const [key, cert] = [path.join(this.folder, `${name}.key`), path.join(this.folder, `${name}.pem`)]
    const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', cert]
    await run('openssl', ['req', '-x509', '-days', '2', '-subj', `/CN=${name} of a test`, ...made, ...extra])
  }
}
