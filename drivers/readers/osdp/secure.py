"""OSDP's secure channel: session keys, cryptograms, MAC chain, encryption.

IEC 60839-11-5, annex on the secure channel (AES-128 throughout).  Both ends of the line use
this class; the panel sends commands, the reader replies.  Each message's MAC starts from the
other side's last MAC, so a message that is lost, repeated, reordered, or recorded in another
session does not verify.  No randomness here: the caller brings the nonces.
"""

from __future__ import annotations

import hmac

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from drivers.readers.osdp import frame
from drivers.readers.osdp.frame import MAC_SIZE, Frame

SCBK_DEFAULT = bytes(range(0x30, 0x40))
"""SCBK-D, which every reader knows.  Use it to hand over a key, and for nothing else."""

SCS_11, SCS_12, SCS_13, SCS_14 = 0x11, 0x12, 0x13, 0x14
SCS_15, SCS_16, SCS_17, SCS_18 = 0x15, 0x16, 0x17, 0x18
_BLOCK = 16
_END = 0x80  # marks the end of data before padding


class SecureChannelError(Exception):
    """A message that this session did not make.  The caller must not use any of it."""


class SecureChannel:
    """One session under `scbk` (16 bytes) and the panel's nonce `rnd_a` (8 bytes)."""

    def __init__(self, scbk: bytes, rnd_a: bytes) -> None:
        if len(scbk) != _BLOCK or len(rnd_a) != 8:
            raise ValueError("a key has 16 bytes and a nonce 8")
        self._rnd_a = rnd_a
        self.s_enc, self.s_mac1, self.s_mac2 = (
            _aes(scbk, bytes((0x01, kind)) + rnd_a[:6] + bytes(8)) for kind in (0x82, 0x01, 0x02)
        )
        self._command_mac = b""
        self._reply_mac = b""

    def __repr__(self) -> str:
        return "SecureChannel(…)"

    def client_cryptogram(self, rnd_b: bytes) -> bytes:
        """The reader's proof that it holds the key."""
        return _aes(self.s_enc, self._rnd_a + rnd_b)

    def server_cryptogram(self, rnd_b: bytes) -> bytes:
        """The panel's proof that it holds the key."""
        return _aes(self.s_enc, rnd_b + self._rnd_a)

    def start(self, rnd_b: bytes) -> bytes:
        """Begin the MAC chain with the reader's nonce; returns the initial R-MAC, which the reader
        sends."""
        first = _aes(self.s_mac1, self.server_cryptogram(rnd_b))
        self._reply_mac = self._command_mac = _aes(self.s_mac2, first)
        return self._reply_mac

    def seal(
        self,
        address: int,
        sequence: int,
        payload: bytes,
        *,
        reply: bool = False,
        crc: bool = True,
    ) -> bytes:
        """A frame of this session.  Data is encrypted; a code without data only gets a MAC."""
        code, data = payload[:1], payload[1:]
        kind = SCS_15 if not data else SCS_17
        if data:
            padded = data + bytes((_END,)) + bytes(-(len(data) + 1) % _BLOCK)
            data = self._cbc(self.s_enc, _inverse(self._previous(reply)), padded)
        kind += reply
        size = 1 + len(data) + MAC_SIZE
        start = frame.head(address, sequence, bytes((kind,)), size, reply=reply, crc=crc)
        signed = start + code + data
        return frame.close(signed + self._advance(signed, reply)[:MAC_SIZE])

    def open(self, message: Frame) -> bytes:
        """The payload of a frame of this session; raises SecureChannelError for any other.

        A refused frame does not change the session.  SCS_15 and SCS_16 may carry data in clear,
        which is authentic and not secret: the caller decides what may come that way.
        """
        reply = message.reply
        plain_kind, sealed_kind = (SCS_16, SCS_18) if reply else (SCS_15, SCS_17)
        if message.security not in (plain_kind, sealed_kind):
            raise SecureChannelError("plain text inside a session")
        mac = self._mac(message.signed, self._previous(reply))
        if not hmac.compare_digest(mac[:MAC_SIZE], message.mac):
            raise SecureChannelError("a wrong MAC")
        data = message.data
        if message.security == sealed_kind and data:
            data = self._unpad(data, reply)
        self._set(mac, reply)
        return message.payload[:1] + data

    def _unpad(self, data: bytes, reply: bool) -> bytes:
        if len(data) % _BLOCK:
            raise SecureChannelError("no whole blocks")
        cipher = Cipher(algorithms.AES(self.s_enc), modes.CBC(_inverse(self._previous(reply))))
        decryptor = cipher.decryptor()
        text = (decryptor.update(data) + decryptor.finalize()).rstrip(b"\0")
        if not text or text[-1] != _END:
            raise SecureChannelError("no end of data")
        return text[:-1]

    def _previous(self, reply: bool) -> bytes:
        """The other side's last MAC, from which this message's starts."""
        return self._command_mac if reply else self._reply_mac

    def _set(self, mac: bytes, reply: bool) -> None:
        if reply:
            self._reply_mac = mac
        else:
            self._command_mac = mac

    def _advance(self, signed: bytes, reply: bool) -> bytes:
        mac = self._mac(signed, self._previous(reply))
        self._set(mac, reply)
        return mac

    def _mac(self, signed: bytes, iv: bytes) -> bytes:
        """CBC-MAC: all blocks but the last under S-MAC1, the last under S-MAC2."""
        padded = signed
        if len(signed) % _BLOCK:
            padded += bytes((_END,)) + bytes(-(len(signed) + 1) % _BLOCK)
        if len(padded) > _BLOCK:
            iv = self._cbc(self.s_mac1, iv, padded[:-_BLOCK])[-_BLOCK:]
        return self._cbc(self.s_mac2, iv, padded[-_BLOCK:])

    @staticmethod
    def _cbc(key: bytes, iv: bytes, data: bytes) -> bytes:
        encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
        return encryptor.update(data) + encryptor.finalize()


def _aes(key: bytes, block: bytes) -> bytes:
    """One block in ECB mode, by which the standard derives keys and cryptograms."""
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305
    return encryptor.update(block) + encryptor.finalize()


def _inverse(block: bytes) -> bytes:
    return bytes(byte ^ 0xFF for byte in block)
