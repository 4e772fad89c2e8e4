import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ZipArchive } from 'archiver';
import { canonicalJson } from '#canonical-json';
import { createInvoiceRenderer, type InvoiceRenderer } from '#invoice-pdf';
import {
  type ArchiveManifest,
  type CheckedCertificate,
  type DocumentsVerdict,
  verifyCertificates,
  verifyDocuments,
} from '#proof';
import { accountId } from '../../apps/report-simulator/src/index.js';
import { openArchive } from '../../apps/cli/src/index.js';
import { feePlan, makeAccount, makePlan, makeSeller, trafficPlan } from '../support/catalogue.js';
import { run } from '../support/process.js';
import { settled, startService, type TestService } from '../support/service.js';
import { entriesOf } from '../support/zip.js';

const PERIOD = '2026-08';
const VAT = [{ name: 'VAT', category: 'S' as const, rate: '19' }];
const [ONE, TWO, THREE] = ['INV-2026-000001', 'INV-2026-000002', 'INV-2026-000003'] as const;

type Files = Map<string, Buffer>;

const sha256 = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex');

describe('documents held against the certificate of their close', () => {
  let service: TestService;
  let renderer: InvoiceRenderer;
  let folder: string;
  let closeId: string;
  let zip: Buffer;
  let certificate: string;
  let otherCertificate: string;
  /** Files of the archive and of that of another close, never changed. */
  let files: Files;
  let otherFiles: Files;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'meterline-verify-'));
    renderer = createInvoiceRenderer();
    service = await startService({ fleet: { accounts: 2, sites: 1, subscribers: 1 }, seed: 7 });
    const { database } = service;
    for (const code of ['acme', 'other']) await makeSeller(database, { code });
    await makePlan(database, trafficPlan('traffic'));
    await makePlan(database, feePlan('fee', '100.00'));
    for (const number of [0, 1]) {
      await makeAccount(database, { seller: 'acme', external_id: accountId(number), taxes: VAT }, 'traffic');
    }
    for (const seller of ['acme', 'other']) {
      await makeAccount(database, { seller, external_id: 'fees', taxes: VAT }, 'fee');
    }
    const closed = async (seller: string) => {
      const asked = { seller, period: PERIOD, issue: 'automatic' };
      const { id } = await service.rest.post<{ id: string }>('/v1/closes', asked);
      await settled(service.rest, id);
      return id;
    };
    const archived = (id: string) => service.rest.bytes(`/v1/closes/${id}/invoices.zip`);
    closeId = await closed('acme');
    zip = await archived(closeId);
    files = new Map(entriesOf(zip).map(({ name, bytes }) => [name, bytes]));
    certificate = await service.rest.bytes(`/v1/closes/${closeId}/certificate`).then(String);
    const otherId = await closed('other');
    otherFiles = new Map(entriesOf(await archived(otherId)).map(({ name, bytes }) => [name, bytes]));
    otherCertificate = await service.rest.bytes(`/v1/closes/${otherId}/certificate`).then(String);
    await writeFile(join(folder, 'certificate.json'), certificate);
    await writeFile(join(folder, 'invoices.zip'), zip);
  });
  afterAll(async () => {
    await Promise.all([service.stop(), renderer.close(), rm(folder, { recursive: true })]);
  });

  const checked = (text: string): readonly CheckedCertificate[] => {
    const verdict = verifyCertificates([{ name: 'certificate.json', text }]);
    if (verdict.outcome !== 'valid') throw new Error(verdict.message);
    return verdict.certificates;
  };
  const compare = (there: Iterable<[string, Buffer]>, text = certificate): Promise<DocumentsVerdict> =>
    verifyDocuments(
      checked(text),
      [...there].map(([name, bytes]) => ({
        name,
        async *read() {
          yield await Promise.resolve(bytes);
        },
      })),
      renderer,
    );
  const differencesOf = async (change: (there: Files) => void, text?: string) => {
    const there = new Map(files);
    change(there);
    return (await compare(there, text)).differences.map(({ what, name }) => `${what} ${name}`);
  };
  const fileOf = (name: string) => files.get(name) ?? Buffer.alloc(0);
  const withTotal = (name: string) => {
    const document = JSON.parse(fileOf(name).toString()) as object;
    return Buffer.from(canonicalJson({ ...document, payable: '0.01' }));
  };
  const flipped = (name: string) => {
    const bytes = Buffer.from(fileOf(name));
    bytes.writeUInt8(bytes.readUInt8(900) ^ 1, 900);
    return bytes;
  };
  const manifestWith = (there: Files, change: (manifest: ArchiveManifest) => void) => {
    const manifest = JSON.parse(fileOf('manifest.json').toString()) as ArchiveManifest;
    change(manifest);
    there.set('manifest.json', Buffer.from(JSON.stringify(manifest)));
  };
  const swap = (there: Files, extension: string) => {
    there.set(`${ONE}.${extension}`, fileOf(`${TWO}.${extension}`));
    there.set(`${TWO}.${extension}`, fileOf(`${ONE}.${extension}`));
  };

  it('are there as they were certified, in the archive as it came', async () => {
    const { differences, unnamed, sums, pdfs } = await compare(files);
    expect([differences, unnamed]).toEqual([[], 0]);
    expect(pdfs).toEqual({ found: 3, redrawn: 3, otherLayout: 0 });
    const [total] = (JSON.parse(certificate) as { certificate: { totals: object[] } }).certificate.totals;
    expect(sums).toMatchObject([{ group: 'documents', currency: 'USD', certified: total, agrees: true }]);
    expect(sums[0]?.found?.documents).toBe(3);
  });

  const tampered: [string, (there: Files) => void, string[]][] = [
    ['a byte of a PDF', (there) => there.set(`${TWO}.pdf`, flipped(`${TWO}.pdf`)), [`altered ${TWO}.pdf`]],
    [
      'a byte of a PDF, and its hash in the manifest with it',
      (there) => {
        const bytes = flipped(`${TWO}.pdf`);
        there.set(`${TWO}.pdf`, bytes);
        manifestWith(there, ({ documents: [, second] }) => Object.assign(second?.pdf ?? {}, { sha256: sha256(bytes) }));
      },
      [`altered ${TWO}.pdf`],
    ],
    ['a total of a document', (there) => there.set(`${TWO}.json`, withTotal(`${TWO}.json`)), [`altered ${TWO}`]],
    [
      'a total of a document, and its hash in the manifest with it',
      (there) => {
        const bytes = withTotal(`${TWO}.json`);
        there.set(`${TWO}.json`, bytes);
        manifestWith(there, ({ documents: [, second] }) =>
          Object.assign(second?.json ?? {}, { sha256: sha256(bytes) }),
        );
      },
      ['altered the documents'],
    ],
    ['a document that is gone', (there) => there.delete(`${TWO}.json`), [`missing ${TWO}`]],
    ['a PDF that is gone', (there) => there.delete(`${TWO}.pdf`), [`missing ${TWO}.pdf`]],
    ['a manifest that is gone', (there) => there.delete('manifest.json'), ['missing manifest.json']],
    ['a certificate that is gone', (there) => there.delete('certificate.json'), ['missing certificate.json']],
    [
      'a file that no document has',
      (there) => there.set('note\u001b[2J.txt', Buffer.from('pay here')),
      ['extra note\\u{1b}[2J.txt'],
    ],
    [
      'a document that was not counted',
      (there) => {
        const text = fileOf(`${THREE}.json`).toString().replaceAll(THREE, 'INV-2026-000004');
        there.set('INV-2026-000004.json', Buffer.from(text)).set('INV-2026-000004.pdf', fileOf(`${THREE}.pdf`));
      },
      ['extra INV-2026-000004.json', 'extra INV-2026-000004.pdf'],
    ],
    ['a document twice', (there) => there.set('copy.json', fileOf(`${ONE}.json`)), ['extra copy.json']],
    [
      'documents under each other’s name',
      (there) => swap(there, 'json'),
      [`altered ${TWO}.json`, `altered ${ONE}.json`],
    ],
    ['PDFs under each other’s name', (there) => swap(there, 'pdf'), [`altered ${TWO}.pdf`, `altered ${ONE}.pdf`]],
    [
      'numbers given to each other',
      (there) => {
        for (const [from, to] of [
          [ONE, TWO],
          [TWO, ONE],
        ] as const) {
          there.set(`${to}.json`, Buffer.from(fileOf(`${from}.json`).toString().replaceAll(from, to)));
        }
      },
      [`altered ${ONE}`, `altered ${TWO}`],
    ],
    ['what is no JSON', (there) => there.set(`${TWO}.json`, Buffer.from('{')), [`altered ${TWO}`]],
    ['a manifest of another form', (there) => there.set('manifest.json', Buffer.from('[]')), ['altered manifest.json']],
    [
      'a hash in the manifest',
      (there) =>
        manifestWith(there, ({ documents: [first] }) => Object.assign(first?.json ?? {}, { sha256: sha256('') })),
      [`altered ${ONE}`],
    ],
  ];

  it.each(tampered)('are told by name: %s', async (_what, change, named) => {
    const found = await differencesOf(change);
    expect(found.sort()).toEqual([...named].sort());
  });

  it('are told when they are of another close', async () => {
    const found = await differencesOf(() => undefined, otherCertificate);
    expect(found).toEqual(
      expect.arrayContaining([
        'altered certificate.json',
        'altered manifest.json',
        'altered the documents',
        ...[TWO, THREE].flatMap((number) => [`extra ${number}.json`, `extra ${number}.pdf`]),
      ]),
    );
    expect((await compare(otherFiles, otherCertificate)).differences).toEqual([]);
  });

  it('are told when a zip has a name twice', async () => {
    const { differences } = await compare([...files, [`${ONE}.pdf`, flipped(`${ONE}.pdf`)]]);
    expect(differences).toMatchObject([{ what: 'extra', name: `${ONE}.pdf` }]);
  });

  describe('by command', () => {
    const verify = async (documents: string, environment: Record<string, string> = {}) => {
      const args = [join(folder, 'certificate.json'), '--documents', documents];
      const program = run('apps/cli/src/main.ts', ['verify', 'certificate', ...args], environment);
      return { code: await program.ended(), output: program.output() };
    };
    const zipped = async (name: string, entries: Iterable<[string, Buffer]>) => {
      const archive = new ZipArchive({ zlib: { level: 9 } });
      for (const [file, bytes] of entries) archive.append(bytes, { name: file });
      await Promise.all([archive.finalize(), pipeline(archive, createWriteStream(join(folder, name)))]);
      return join(folder, name);
    };

    it('a zip, a folder and an address end with 0, and with their sums', async () => {
      const unpacked = join(folder, 'unpacked');
      await mkdir(unpacked);
      for (const [name, bytes] of files) await writeFile(join(unpacked, name), bytes);
      const key = { METERLINE_KEY: service.adminKey };
      const sources: [string, Record<string, string>][] = [
        [join(folder, 'invoices.zip'), {}],
        [`${service.url}/v1/closes/${closeId}`, key],
      ];
      const { totals } = (JSON.parse(certificate) as { certificate: { totals: { payable: string }[] } }).certificate;
      for (const [source, environment] of sources) {
        const { code, output } = await verify(source, environment);
        expect([source, code, output]).toEqual([
          source,
          0,
          expect.stringContaining('as it was certified, and nothing else'),
        ]);
        expect(output).toContain('3 PDFs: 3 drawn again');
        const rows = output
          .split('\n')
          .filter((line) => line.includes(' 3 ') && /documents (certified|found)/.test(line));
        expect(rows.map((row) => row.includes(totals[0]?.payable ?? 'none'))).toEqual([true, true]);
      }
      for (const source of [unpacked, await zipped('packed-again.zip', files)]) {
        const archive = await openArchive(source, undefined);
        expect((await verifyDocuments(checked(certificate), archive.files, renderer)).differences).toEqual([]);
        await archive.close();
      }
      await rm(join(unpacked, `${TWO}.json`));
      expect(await verify(unpacked)).toEqual({
        code: 1,
        output: expect.stringContaining(`missing: ${TWO} was counted and is not there`) as string,
      });
    });

    it('what cannot be checked ends with 2 and says why', async () => {
      const bomb = await zipped('bomb.zip', [['a.json', Buffer.alloc(128 * 2 ** 20)]]);
      await writeFile(join(folder, 'cut.zip'), zip.subarray(0, zip.length / 2));
      const address = `${service.url}/v1/closes/${closeId}`;
      for (const [source, key, reason] of [
        [bomb, undefined, 'more than is unpacked of a zip'],
        [join(folder, 'cut.zip'), undefined, 'end of central directory'],
        [address, undefined, 'METERLINE_KEY'],
        [address, 'wrong', 'answers 401'],
        [`${service.url}/v1/invoices`, service.adminKey, 'must be that of a close'],
        [`http://billing.example.com/v1/closes/${closeId}`, service.adminKey, 'must begin with https://'],
      ] as const) {
        await expect(openArchive(source, key)).rejects.toThrow(new RegExp(reason, 'i'));
      }
      expect(await verify(join(folder, 'nowhere.zip'))).toEqual({
        code: 2,
        output: expect.stringContaining('ENOENT') as string,
      });
    });
  });
});
