/** The archive of a close: what its files are called and what its manifest says. */
export const ARCHIVE_FORMAT = 'meterline.close-archive.1';

export const CERTIFICATE_FILE = 'certificate.json';

export const MANIFEST_FILE = 'manifest.json';

/** The last file of an archive: the documents that it holds, in their order, and what it lacks of which and why. */
export interface ArchiveManifest {
  format: typeof ARCHIVE_FORMAT;
  close: string;
  documents: {
    number: string;
    /** The document in canonical JSON: the certificate's hash is over these hashes. */
    json: { file: string; sha256: string };
    /** Null when it could not be had. `layout`: the version of the page's look that it was drawn with. */
    pdf: { file: string; sha256: string; layout: number } | null;
    /** The page with what a portal answered, where the document is registered. */
    pdf_irn?: { file: string; sha256: string; layout: number } | undefined;
    /**
     * The electronic form that the customer wanted; null when it could not be had, absent when none was wanted. `layout`: the
     * version of the form that it was written in. `refused`: there is no such form of this document, and why.
     */
    xml?:
      | { kind: string; file: string; sha256: string; layout: number }
      | { kind: string; refused: string }
      | null
      | undefined;
  }[];
  missing: { number: string; id: string; part: 'document' | 'pdf' | 'pdf_irn' | 'xml'; code: string }[];
}
