import pytest

from avsal.metrics import METRICS, OBJECT_METRICS
from avsal.report import citation_note, comparable_results, published_results


def value_of(results, model, metric, dataset=None):
    (value,) = {
        result.value
        for result in results
        if result.model == model and result.metric == metric and dataset in (None, result.dataset)
    }
    return value


def test_numbers_are_those_of_the_papers():
    results = published_results()
    assert len(results) > 1000
    table_1 = [result for result in results if result.source == "TSFP-Net Table 1"]
    assert value_of(table_1, "TSFP-Net T=32", "nss", "DHF1K") == pytest.approx(3.009, abs=0.2)
    assert value_of(table_1, "TSFP-Net T=16", "cc", "DHF1K") == 0.5
    quoted = [result for result in results if result.source == "AAM (2026) Table 21"]
    assert value_of(quoted, "DeepVS", "kl", "LEDOV") == 1.222


def test_every_number_has_its_source_and_whether_it_was_read_there():
    for result in published_results():
        assert result.source
        assert result.verified != ("not checked" in result.source)


def test_metrics_bear_our_names():
    names = {result.metric for result in published_results() if result.dataset == "DIEM"}
    assert names == {"nss", "cc", "sim", "auc_judd", "s_auc"}
    assert names < set(METRICS)
    masks = {result.metric for result in comparable_results("davis", "objects")}
    assert masks == set(OBJECT_METRICS)


@pytest.mark.parametrize(
    ("dataset", "protocol", "split", "expected"),
    [
        ("diem", "stavis", "test", {"STAViS splits mean"}),
        ("coutrot1_raw", "stavis", None, {"STAViS splits mean"}),
        ("diem_raw", "diem20", "test", {"test: 20 videos x first 300 frames (no DIEM training)"}),
        ("dhf1k", "dhf1k", "val", {"val"}),
        ("dhf1k", "dhf1k", None, {"test"}),
        ("diem", "stavis", "train", set()),
        ("hevc", "stavis", None, set()),
    ],
)
def test_only_results_of_the_same_split_and_protocol_are_set_beside(dataset, protocol, split, expected):
    results = comparable_results(dataset, protocol, split)
    assert {result.split for result in results} == expected
    assert len({result.dataset for result in results}) == len(expected)


def test_shuffled_auc_is_cited_only_beside_the_papers_own_negatives():
    def metrics(sampler):
        return {result.metric for result in comparable_results("dhf1k", "dhf1k", "test", sampler)}

    assert "s_auc" not in metrics("other_videos")
    assert metrics("dhf1k_10") - metrics("other_videos") == {"s_auc"}
    assert "sampler same_video" in citation_note("stavis")
    assert "sampler" not in citation_note("objects")
