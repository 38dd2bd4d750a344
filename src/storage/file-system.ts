import { statfsSync } from 'node:fs';

/** Magic numbers of statfs(2) for file systems that live on another machine, where SQLite's locks and syncs do not hold. */
const networkFileSystems = new Map([
  [0x6969, 'nfs'],
  [0xff534d42, 'cifs'],
  [0xfe534d42, 'smb2'],
  [0x517b, 'smb'],
  [0x5346414f, 'afs'],
  [0x73757245, 'coda'],
  [0x01021997, '9p'],
  [0x65735546, 'fuse'],
  [0x00c36400, 'ceph'],
  [0x0bd00bd0, 'lustre'],
  [0x7461636f, 'ocfs2'],
  [0x01161970, 'gfs2'],
]);

const localFileSystems = new Map([
  [0xef53, 'ext4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x01021994, 'tmpfs'],
  [0x794c7630, 'overlay'],
  [0x2fc12fc1, 'zfs'],
  [0xf2f52010, 'f2fs'],
]);

export interface FileSystem {
  readonly name: string;
  readonly isNetwork: boolean;
}

export function fileSystemOf(path: string): FileSystem {
  const { type } = statfsSync(path);
  const network = networkFileSystems.get(type);
  const name = network ?? localFileSystems.get(type) ?? `type 0x${type.toString(16)}`;
  return { name, isNetwork: network !== undefined };
}
