"""One core with persistent instances, whose checks a test ends as it likes."""

from collections.abc import Iterable
from dataclasses import replace

from nodecore.core.events import Probe, Probed, RecordsApplied, Tick
from nodecore.core.findings import Finding, Found
from nodecore.core.keys import metadata_key, persistent_key
from nodecore.core.messages import Report, ReportAnswer
from nodecore.core.records import Checker, ClusterChecks, Instances, Service
from tests.core.asking import listing
from tests.core.driver import A0, S2, S3, Driver, entry, steady

OPEN, REFUSED = Finding(found=Found.OPEN), Finding(found=Found.REFUSED)
SILENT, UNABLE = Finding(found=Found.SILENT), Finding(found=Found.UNABLE, why="no PyMySQL")


def answered(status: int) -> Finding:
    return Finding(found=Found.ANSWERED, status=status)


def checked(service: str = A0, ips: Iterable[str] = ("10.0.0.7",), **options: object) -> Driver:
    """A node that sees all members UP and has persistent instances of a service, with nothing said yet."""
    driver = steady(cp=True, **options)
    instances = tuple(replace(entry(service, ip), ephemeral=False) for ip in ips)
    driver.feed(RecordsApplied(((persistent_key("public", service), Instances(instances)),)))
    for member in (S2, S3):
        driver.hear(member, Report(driver.member(member)))
    driver.said.clear()
    return driver


def own_kind(driver: Driver, *members: str) -> None:
    """Let the members' next reports say that they are of our kind."""
    driver.run(5.0)
    for member in members:
        for call, _ in driver.take(Report, member):
            driver.answer(call, ReportAnswer(takes_digest=True))


def use(driver: Driver, checker: Checker, service: str = A0, **fields: object) -> None:
    """Have the default cluster of a service checked like this."""
    checks = (ClusterChecks(checker=checker, **fields),)  # type: ignore[arg-type]
    record = Service(namespace="public", name=service, checks=checks)
    driver.feed(RecordsApplied(((metadata_key("public", service), record),)))


def probes(driver: Driver) -> list[Probe]:
    """The checks that were asked for since the last call."""
    found = [effect for effect in driver.said if isinstance(effect, Probe)]
    driver.said = [effect for effect in driver.said if not isinstance(effect, Probe)]
    return found


def next_probe(driver: Driver, within_s: float = 10.0) -> Probe:
    """Let time pass until a check is asked for."""
    until = driver.now + within_s
    while not (found := probes(driver)):
        due = driver.node.next_deadline()
        assert due is not None
        assert due <= until, "no check was asked for"
        driver.until(due)
        driver.feed(Tick())
    assert len(found) == 1
    return found[0]


def find(driver: Driver, *findings: Finding, took_s: float = 0.001) -> None:
    """End one check after another with these findings."""
    for finding in findings:
        end(driver, next_probe(driver), finding, took_s)


def end(driver: Driver, probe: Probe, finding: Finding, took_s: float = 0.001) -> None:
    found = Probed(probe_id=probe.probe_id, checker=probe.checker, finding=finding, took_s=took_s)
    driver.feed(found)


def healthy(driver: Driver, service: str = A0) -> list[bool]:
    return [instance.healthy for instance in listing(driver, service).instances]
