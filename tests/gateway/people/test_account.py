"""Who acts is what the kernel says, and never what the environment or a request says."""

from __future__ import annotations

import os
import pwd
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.people import account

ROOT = Path(__file__).parents[3]
NOBODY, DAEMON = pwd.getpwnam("nobody"), pwd.getpwnam("daemon")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as somebody else")


def run(code: str, **options: object) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        **options,
    )  # type: ignore[call-overload]
    return str(done.stdout.strip())


OWN = "from gateway.people import account; print(account.own())"


def log_in(uid: int) -> None:
    """What pam_loginuid does."""
    Path("/proc/self/loginuid").write_text(str(uid))


def can_log_in() -> bool:
    code = "from pathlib import Path; Path('/proc/self/loginuid').write_text('1')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    return done.returncode == 0


def test_sudo_user_in_the_environment_is_not_believed() -> None:
    lies = dict.fromkeys(("SUDO_USER", "USER", "LOGNAME", "USERNAME", "SUDO_UID"), "lgil")
    plain = run(OWN)
    assert run(OWN, env={**os.environ, **lies}) == plain != "lgil"


@as_root
def test_an_account_is_the_real_uid() -> None:
    code = f"import os; from gateway.people import account; os.setuid({NOBODY.pw_uid});"
    assert run(code + "print(account.own())") == "nobody"


@as_root
def test_who_logged_in_stays_the_same_under_sudo() -> None:
    if not can_log_in():
        pytest.skip("this kernel lets nobody set a login uid")
    done = run(OWN, preexec_fn=lambda: log_in(DAEMON.pw_uid))  # root, after a login as daemon
    assert done == "daemon"


def test_an_account_without_a_name_has_its_number() -> None:
    assert account.name_of(3_999_999_999) == "uid 3999999999"


def peer(code: str) -> str:
    """The account that a server sees behind a process that connects to it."""
    # An abstract name (unix(7)), because tmp_path is closed to other accounts.
    path = f"\0garita-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        connect = f"import os, socket, sys, pathlib\n{code}\ns = socket.socket(socket.AF_UNIX)\n"
        connect += f"s.connect({path!r})\nsys.stdin.read()\n"
        with subprocess.Popen([sys.executable, "-c", connect], stdin=subprocess.PIPE) as child:
            server.settimeout(20)
            connected, _ = server.accept()
            with connected:
                found = account.of_peer(connected)
            assert child.stdin is not None
            child.stdin.close()
    return found


@as_root
def test_a_peer_is_the_uid_at_the_time_of_the_connection() -> None:
    assert peer(f"os.setuid({NOBODY.pw_uid})") == "nobody"


@as_root
def test_a_peer_behind_sudo_is_who_logged_in() -> None:
    if not can_log_in():
        pytest.skip("this kernel lets nobody set a login uid")
    login = f"pathlib.Path('/proc/self/loginuid').write_text('{DAEMON.pw_uid}')"
    assert peer(login) == "daemon"


@as_root
def test_the_login_of_another_uid_under_the_same_pid_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The folder of a process that took the number: another uid owns it.
    fake = tmp_path / "proc"
    monkeypatch.setattr(account, "_PROC", fake)

    def made(pid: int, owner: int) -> None:
        folder = fake / str(pid)
        folder.mkdir(parents=True)
        (folder / "loginuid").write_text(str(DAEMON.pw_uid))
        os.chown(folder, owner, 0)

    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        made(os.getpid(), NOBODY.pw_uid)
        assert account.of_peer(ours) == "root"
        os.chown(fake / str(os.getpid()), 0, 0)
        assert account.of_peer(ours) == "daemon"
        theirs.close()  # the peer has ended: its number may be another's by now
        assert account.of_peer(ours) == "root"
