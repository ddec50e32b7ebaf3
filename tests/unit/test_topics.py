"""The declared topics, what is made of them on a cluster, and the connector that fills those of the ERP."""

from __future__ import annotations

import json

import pytest
from kafka.errors import TopicAlreadyExistsError

from lab.live import topics
from lab.live.connectors import definitions
from lab.live.source import PUBLICATION, SIGNALS, SLOT
from lakelab.catalogue import TABLES
from lakelab.errors import LabError
from lakelab.settings import REPOSITORY
from lakelab.topics import TOPICS, Topic, topic


def test_each_table_has_a_topic_named_by_the_catalogue():
    assert {t.topic for t in TABLES} <= {declared.name for declared in TOPICS}
    assert topic("erp.public.students").partitions == 3
    assert topic("erp.public.campuses").settings["cleanup.policy"] == "compact"


def test_stock_quotes_have_three_partitions_and_two_replicas_and_the_symbol_as_key():
    quotes = topic("stock-market-data")
    assert (quotes.partitions, quotes.replication, quotes.key, quotes.kept) == (3, 2, "symbol", "7 days")


def test_every_topic_has_two_replicas_and_a_name_of_its_own():
    assert {declared.replication for declared in TOPICS} == {2}
    assert len({declared.name for declared in TOPICS}) == len(TOPICS)
    with pytest.raises(KeyError):
        topic("erp.public.rooms")


def test_a_changed_row_may_hold_a_text_of_a_megabyte_twice():
    assert int(topic("erp.public.students").settings["max.message.bytes"]) > 6 * 2 * 2**20  # \u0000 takes six bytes


class Cluster:
    """What of an admin client the job uses, on topics in memory."""

    def __init__(self, *present: Topic) -> None:
        self.topics = {declared.name: declared for declared in present}
        self.raced: Topic | None = None

    def list_topics(self):
        return list(self.topics)

    def create_topics(self, new):
        if self.raced:
            self.topics[self.raced.name] = self.raced
            raise TopicAlreadyExistsError
        for t in new:
            made = Topic(t.name, "", "", t.num_partitions, dict(t.topic_configs), t.replication_factor)
            self.topics[t.name] = made

    def describe_topics(self, names):
        return [
            {"name": n, "partitions": [{"replica_nodes": [1, 2][: t.replication]} for _ in range(t.partitions)]}
            for n, t in self.topics.items()
            if n in names
        ]

    def describe_configs(self, resources):
        given = {r.name: self.topics[r.name].settings for r in resources}
        return {"topic": {n: {key: {"value": v} for key, v in settings.items()} for n, settings in given.items()}}


A, B = Topic("a", "", "id", 3, {"retention.ms": "1000"}), Topic("b", "", "id")


def test_missing_topics_are_made_as_declared_and_the_next_start_makes_none():
    cluster = Cluster(A)
    assert topics.ensure(cluster, [A, B]) == "2 topics are there, 1 of them new"
    assert (cluster.topics["b"].partitions, cluster.topics["b"].replication) == (1, 2)
    assert topics.ensure(cluster, [A, B]) == "2 topics are there, 0 of them new"


def test_one_that_another_start_has_made_meanwhile_is_no_error():
    cluster = Cluster()
    cluster.raced = A
    assert topics.ensure(cluster, [A]) == "1 topics are there, 1 of them new"


@pytest.mark.parametrize(
    ("there", "told"),
    [
        (Topic("a", "", "id", 2, {"retention.ms": "1000"}), "a has 2 partitions, declared are 3"),
        (Topic("a", "", "id", 3, {"retention.ms": "1000"}, replication=1), "a has 1 replicas, declared are 2"),
        (Topic("a", "", "id", 3, {"retention.ms": "5"}), "a has 5 retention.ms, declared are 1000"),
        (Topic("a", "", "id", 3), "a has None retention.ms, declared are 1000"),
    ],
)
def test_a_topic_that_differs_fails_the_job_and_stays_as_it_is(there, told):
    cluster = Cluster(there)
    with pytest.raises(LabError, match="topics differ from") as caught:
        topics.ensure(cluster, [A])
    assert told in str(caught.value)
    assert cluster.topics == {"a": there}


SOURCE = json.loads((REPOSITORY / "debezium/erp-source.json").read_text())


def test_the_connector_captures_the_tables_of_the_catalogue_each_into_its_topic():
    assert SOURCE["table.include.list"].split(",") == [f"public.{t.name}" for t in TABLES]
    assert {f"{SOURCE['topic.prefix']}.public.{t.name}" for t in TABLES} == {t.topic for t in TABLES}


def test_the_connector_names_what_the_erp_is_given():
    assert SOURCE["slot.name"] == SLOT
    assert SOURCE["publication.name"] == PUBLICATION
    assert SOURCE["signal.data.collection"] == SIGNALS
    assert topic(f"{SOURCE['topic.prefix']}.{SIGNALS}")
    assert topic(f"__debezium-heartbeat.{SOURCE['topic.prefix']}")


def test_no_definition_holds_a_secret():
    for definition in definitions():
        for key, value in definition.config.items():
            if "password" in key:
                assert value.startswith("${env:"), f"{definition.name}: {key}"


@pytest.mark.parametrize(("text", "told"), [("{", "not JSON"), ('{"tasks.max": 1}', 'write every value in ""')])
def test_a_definition_that_is_none_is_told_with_its_file(tmp_path, text, told):
    (tmp_path / "erp-source.json").write_text(text)
    with pytest.raises(LabError, match=told) as caught:
        definitions(tmp_path)
    assert "debezium/erp-source.json" in str(caught.value)
