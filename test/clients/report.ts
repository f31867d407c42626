// What a TUF client is asked and what it answers, in one shape for python-tuf and tuf-js.

export interface ClientRequest {
  /** Base URL of the metadata, e.g. `http://127.0.0.1:8080/metadata/`. */
  readonly metadataUrl: string;
  /** Base URL of the target files. */
  readonly targetUrl: string;
  /** The root.json that the client trusts to begin with. */
  readonly root: Uint8Array;
  /** Target paths to look up and, when present, to download. */
  readonly paths: readonly string[];
  /**
   * Folder that keeps the client's trusted metadata between calls (created when absent; `root` then
   * counts only the first time with tuf-js). Without it each call is a fresh client.
   */
  readonly folder?: string;
  /** `false`: only look targets up, for repositories that hold no files. Default true. */
  readonly download?: boolean;
}

/** The verdict on one target. */
export type TargetReport =
  | {
      readonly result: 'ok';
      /** Bytes, as verified by the client. */
      readonly length: number;
      /** Hex SHA-256 that the metadata states. */
      readonly sha256: string;
      readonly custom: unknown;
    }
  | { readonly result: 'absent' }
  | ClientError;

export interface ClientError {
  readonly result: 'error';
  /** Class of the client's own error, e.g. `ExpiredMetadataError`. */
  readonly error: string;
  readonly message: string;
}

export interface ClientReport {
  /** Name and version of the client. */
  readonly client: string;
  /** Outcome of the refresh; when it failed no target was tried. */
  readonly refresh: { readonly result: 'ok' } | ClientError;
  readonly targets: Readonly<Record<string, TargetReport>>;
  /** Response bodies received, in bytes. */
  readonly bytes: number;
  readonly requests: number;
  /** Wall time of refresh and downloads, without the client's start. */
  readonly seconds: number;
}
