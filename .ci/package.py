"""Packs built programs: an archive, a Debian package and a Python wheel, with a bill of materials and checksums.

`.ci/release` calls it. The same programs give the same packages, to the byte: times come from SOURCE_DATE_EPOCH, and
files lie in the order of their names.
"""

import base64
import hashlib
import io
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile

PROGRAMS = ["biopay", "biopay-server", "biopay-bank"]
SUMMARY = "A testbed for paying with a QR code that is derived from a fingerprint or a face"
EPOCH = int(os.environ["SOURCE_DATE_EPOCH"])
DEBIAN = {"x86_64": "amd64", "aarch64": "arm64"}


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def glibc(program):
    """The newest symbol version of the C library that a program needs."""
    versions = re.findall(r"GLIBC_(\d+)\.(\d+)", run("objdump", "-T", program))
    return max((int(major), int(minor)) for major, minor in versions)


def stage(built, root):
    """Lays the files out as on a system, stripped of symbols."""
    binaries, share = root / "usr/bin", root / "usr/share"
    binaries.mkdir(parents=True)
    for program in PROGRAMS:
        shutil.copy(built / program, binaries / program)
        run("strip", binaries / program)
    biopay = binaries / "biopay"
    run(biopay, "man", "--out", share / "man/man1")
    for page in (share / "man/man1").iterdir():
        run("gzip", "-9n", page)
    shells = {
        "bash": ("bash-completion/completions", "{}"),
        "zsh": ("zsh/site-functions", "_{}"),
        "fish": ("fish/vendor_completions.d", "{}.fish"),
    }
    for shell, (folder, name) in shells.items():
        (share / folder).mkdir(parents=True)
        for program in PROGRAMS:
            script = run(biopay, "completions", shell, "--of", program)
            (share / folder / name.format(program)).write_text(script)
    document = share / "doc/biopay"
    document.mkdir(parents=True)
    for source in ["README.md", "LICENSE", "server/doc/runbook.md", "server/doc/threat-model.md"]:
        shutil.copy(source, document)
    for source in ["server/doc/grafana.json", "server/doc/alarms.yml", "protocol/doc/wire.md"]:
        shutil.copy(source, document)
    units = root / "usr/lib/systemd/system"
    units.mkdir(parents=True)
    for unit in ["biopay-server.service", "biopay-bank.service"]:
        shutil.copy(f"server/doc/{unit}", units)
    for path in root.rglob("*"):
        path.chmod(0o755 if path.is_dir() or path.parent == binaries else 0o644)
        os.utime(path, (EPOCH, EPOCH))


def archive(root, to, name):
    def plain(info):
        info.uid = info.gid = 0
        info.uname = info.gname = "root"
        info.mtime = EPOCH
        return info

    with tarfile.open(to, "w:xz", preset=6, format=tarfile.PAX_FORMAT) as out:
        for path in sorted((root / "usr").rglob("*")):
            out.add(path, f"{name}/{path.relative_to(root / 'usr')}", recursive=False, filter=plain)


def debian(root, to, version):
    size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file()) // 1024
    major, minor = max(glibc(root / "usr/bin" / program) for program in PROGRAMS)
    control = root / "DEBIAN"
    control.mkdir()
    fields = {
        "Package": "biopay",
        "Version": version,
        "Architecture": DEBIAN[platform.machine()],
        "Maintainer": "The Biopay authors <biopay@example.invalid>",
        "Installed-Size": size,
        "Depends": f"libc6 (>= {major}.{minor}), libgcc-s1",
        "Section": "science",
        "Priority": "optional",
        "Description": SUMMARY + "\n Simulator, payment server and bank, with units for systemd.",
    }
    (control / "control").write_text("".join(f"{key}: {value}\n" for key, value in fields.items()))
    run("dpkg-deb", "--root-owner-group", "--build", root, to)
    shutil.rmtree(control)


def wheel(root, folder, version):
    """A wheel (PEP 427) whose scripts are the programs."""
    major, minor = max(glibc(root / "usr/bin" / program) for program in PROGRAMS)
    tag = f"py3-none-manylinux_{major}_{minor}_{platform.machine()}"
    info = f"biopay-{version}.dist-info"
    metadata = [
        "Metadata-Version: 2.1",
        "Name: biopay",
        f"Version: {version}",
        f"Summary: {SUMMARY}",
        "License: Apache-2.0",
        "Requires-Python: >=3.8",
        "Description-Content-Type: text/markdown",
        "",
        pathlib.Path("README.md").read_text(),
    ]
    files = {f"biopay-{version}.data/scripts/{name}": (root / "usr/bin" / name).read_bytes() for name in PROGRAMS}
    files[f"{info}/METADATA"] = "\n".join(metadata).encode()
    files[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: biopay\nRoot-Is-Purelib: false\nTag: {tag}\n".encode()
    files[f"{info}/licenses/LICENSE"] = pathlib.Path("LICENSE").read_bytes()
    record = io.StringIO()
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        record.write(f"{name},sha256={digest},{len(content)}\n")
    record.write(f"{info}/RECORD,,\n")
    files[f"{info}/RECORD"] = record.getvalue().encode()
    to = folder / f"biopay-{version}-{tag}.whl"
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, time.gmtime(max(EPOCH, 315532800))[:6])
            entry.external_attr = (0o100755 if "/scripts/" in name else 0o100644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            out.writestr(entry, content)
    return to


def bill_of_materials(to, version):
    """A CycloneDX 1.5 document of everything that the programs are built from."""
    # Of this platform alone: what only others need is not on a machine that has built the programs once.
    host = re.search(r"^host: (.*)$", run("rustc", "-vV"), re.MULTILINE).group(1)
    options = ("--format-version", "1", "--locked", "--offline", "--filter-platform", host)
    metadata = json.loads(run("cargo", "metadata", *options))
    locked = re.findall(
        r'name = "([^"]+)"\nversion = "([^"]+)"\nsource = "[^"]+"\nchecksum = "([0-9a-f]+)"', open("Cargo.lock").read()
    )
    sums = {(name, number): digest for name, number, digest in locked}
    resolved = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    packages = {package["id"]: package for package in metadata["packages"]}
    wanted, queue = set(), [p["id"] for p in metadata["packages"] if p["name"] in ("biopay-sim", "biopay-server")]
    while queue:
        one = queue.pop()
        if one not in wanted:
            wanted.add(one)
            # What is only tested or built with is not in the programs.
            normal = [d for d in resolved[one]["deps"] if any(kind["kind"] is None for kind in d["dep_kinds"])]
            queue += [dependency["pkg"] for dependency in normal]

    def purl(package):
        return f"pkg:cargo/{package['name']}@{package['version']}"

    components = []
    for package in sorted((packages[one] for one in wanted), key=lambda p: (p["name"], p["version"])):
        component = {
            "type": "library",
            "bom-ref": purl(package),
            "name": package["name"],
            "version": package["version"],
            "purl": purl(package),
        }
        if package["license"]:
            component["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
        digest = sums.get((package["name"], package["version"]))
        if digest:
            component["hashes"] = [{"alg": "SHA-256", "content": digest}]
        components.append(component)
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(EPOCH)),
            "component": {"type": "application", "bom-ref": "biopay", "name": "biopay", "version": version},
        },
        "components": components,
    }
    to.write_text(json.dumps(document, indent=1) + "\n")


def main():
    built, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    version = re.search(r'^version = "(.+)"', open("Cargo.toml").read(), re.M)[1]
    out.mkdir(parents=True, exist_ok=True)
    root = out / "root"
    shutil.rmtree(root, ignore_errors=True)
    stage(built.resolve(), root.resolve())
    name = f"biopay-{version}-{platform.machine()}-linux"
    archive(root, out / f"{name}.tar.xz", name)
    debian(root, out / f"biopay_{version}_{DEBIAN[platform.machine()]}.deb", version)
    wheel(root, out, version)
    bill_of_materials(out / "biopay.cdx.json", version)
    shutil.rmtree(root)
    packed = sorted(path for path in out.iterdir() if path.name != "SHA256SUMS")
    sums = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in packed)
    (out / "SHA256SUMS").write_text(sums)
    for path in packed:
        print(f"{path.stat().st_size / 1e6:7.1f} MB  {path}")


main()
