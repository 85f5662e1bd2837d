"""The MySQL check (R19): log in, execute the command, and say how that went. PyMySQL is the extra `mysql`.

Invariant: it raises nothing; a node without PyMySQL says so, and judges nobody for it.
"""

from importlib import import_module
from typing import Any

from nodecore.core.findings import Finding, Found
from nodecore.core.records import Checker

MISSING = "checks of type MYSQL need PyMySQL: pip install 'cutheal[mysql]'"
_LOST = 2013
_CANNOT_CONNECT = 2003


def check_mysql(address: str, checker: Checker, timeout_s: float) -> Finding:
    """Check a MySQL server.

    Args:
        address: `ip:port` to dial.
        checker: its user, password and command.
        timeout_s: real seconds for connecting, and for each answer.
    """
    try:
        pymysql: Any = import_module("pymysql")
    except ImportError:
        return Finding(found=Found.UNABLE, why=MISSING)
    host, _, port = address.rpartition(":")
    try:
        connection = pymysql.connect(
            host=host,
            port=int(port),
            user=checker.user,
            password=checker.password,
            connect_timeout=timeout_s,
            read_timeout=timeout_s,
            write_timeout=timeout_s,
        )
        with connection, connection.cursor() as cursor:
            cursor.execute(checker.command)
    except pymysql.MySQLError as error:
        return _failed(error)
    except (OSError, ValueError, RuntimeError) as error:
        return Finding(found=Found.BROKEN, why=_one_line(error))
    return Finding(found=Found.ANSWERED)


def _failed(error: Any) -> Finding:
    """Tell a server that says no from one that says nothing."""
    number = error.args[0] if error.args else 0
    cause = getattr(error, "original_exception", None)
    if isinstance(cause, ConnectionRefusedError):
        return Finding(found=Found.REFUSED, why=_one_line(error))
    if isinstance(cause, TimeoutError) or (number == _LOST and "timed out" in str(error)):
        return Finding(found=Found.SILENT, why=_one_line(error))
    if not isinstance(number, int) or number in (_LOST, _CANNOT_CONNECT):
        return Finding(found=Found.BROKEN, why=_one_line(error))
    return Finding(found=Found.FAILED, why=_one_line(error))


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
