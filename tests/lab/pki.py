# SPDX-License-Identifier: Apache-2.0
"""Certificates of a lab, made with the openssl command when the test runs: CAs, leaves of any kind of key, lists of what
is revoked. A CA's own key is always ECDSA; what is tested are the leaves'."""
import datetime
import os

from lab.lab import run

_CA = """[ca]
default_ca = d
[d]
database = {dir}/index.txt
serial = {dir}/serial
crlnumber = {dir}/crlnumber
new_certs_dir = {dir}
certificate = {dir}/ca.pem
private_key = {dir}/ca.key
default_md = sha256
policy = p
unique_subject = no
default_crl_days = 30
[p]
countryName = optional
organizationName = optional
commonName = supplied
"""

KEYS = {
    "rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "rsa1024": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
    "p256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "p384": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "p521": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
    "ed25519": ["-algorithm", "ED25519"],
}


def _openssl(*args):
    return run(["openssl", *args])


def _time(days):
    t = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    return t.strftime("%Y%m%d%H%M%SZ")


def subject(name):
    """What a certificate of this name says, as IKE identities are written."""
    return f"C=DE, O=Example, CN={name}"


class Certificate:
    """The files of one certificate: .pem, .key."""

    def __init__(self, directory, name):
        self.name = name
        self.pem = f"{directory}/{name}.pem"
        self.key = f"{directory}/{name}.key"


class Authority:
    """A CA, self-signed or below another one."""

    def __init__(self, lab, name, parent=None):
        self.lab, self.name = lab, name
        self.dir = lab.path(f"pki-{name}")
        os.makedirs(self.dir)
        for file, text in (("ca.cnf", _CA.format(dir=self.dir)), ("index.txt", ""), ("serial", "1000\n"),
                           ("crlnumber", "01\n")):
            lab.write(f"pki-{name}/{file}", text)
        self.pem = f"{self.dir}/ca.pem"
        self.key = f"{self.dir}/ca.key"
        _openssl("genpkey", *KEYS["p256"], "-out", self.key)
        if parent:
            csr = f"{self.dir}/ca.csr"
            _openssl("req", "-new", "-key", self.key, "-subj", self._subject(name), "-out", csr)
            parent._sign(csr, self.pem, "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
                                        "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n", -1, 30)
        else:
            _openssl("req", "-x509", "-new", "-key", self.key, "-subj", self._subject(name), "-days", "30", "-out",
                     self.pem, "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    @staticmethod
    def _subject(name):
        return f"/C=DE/O=Example/CN={name}"

    def _sign(self, csr, out, extensions, not_before, not_after, md="sha256"):
        ext = f"{csr}.ext"
        with open(ext, "w", encoding="ascii") as f:
            f.write(f"[e]\n{extensions}")
        _openssl("ca", "-batch", "-notext", "-config", f"{self.dir}/ca.cnf", "-in", csr, "-out", out, "-extfile", ext,
                 "-extensions", "e", "-startdate", _time(not_before), "-enddate", _time(not_after), "-preserveDN", "-md", md)

    def issue(self, name, key="p256", san=None, days=(-1, 20), more="", md="sha256"):
        """A leaf. more: further lines of extensions; md: by which the CA signs."""
        c = Certificate(self.dir, name)
        csr = f"{self.dir}/{name}.csr"
        _openssl("genpkey", *KEYS[key], "-out", c.key)
        os.chmod(c.key, 0o600)
        _openssl("req", "-new", "-key", c.key, "-subj", self._subject(name), "-out", csr)
        ext = "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n" + more
        self._sign(csr, c.pem, ext + (f"subjectAltName={san}\n" if san else ""), *days, md=md)
        return c

    def revoke(self, certificate):
        _openssl("ca", "-config", f"{self.dir}/ca.cnf", "-revoke", certificate.pem)

    def ocsp_responder(self, ns, port):
        """openssl's responder, answering from this CA's index with its own key."""
        return ns.spawn(f"ocsp-{self.name}", "openssl", "ocsp", "-index", f"{self.dir}/index.txt", "-CA", self.pem,
                        "-rsigner", self.pem, "-rkey", self.key, "-port", port, "-nmin", "60", "-text")

    def crl(self):
        """A fresh list; its file."""
        out = f"{self.dir}/crl.pem"
        _openssl("ca", "-config", f"{self.dir}/ca.cnf", "-gencrl", "-out", out)
        return out


def bundle(lab, name, *files):
    """These PEM files as one."""
    text = ""
    for file in files:
        with open(file, encoding="ascii") as f:
            text += f.read()
    return lab.write(name, text)
