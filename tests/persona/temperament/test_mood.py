"""Mood and signals: with the words that show them, negations, and look-alikes that are neither."""

import pytest

from persona.temperament.reader import Reader
from persona.temperament.types import Mood, Turn

SIGNALS = {
    "urgency": ["赶紧给我发货", "急用，等不了了", "明天就要用，来不及了", "速度点", "请尽快处理", "十万火急"],
    "threat": [
        "再不处理我就打12315",
        "我要去小红书曝光你们",
        "等着收差评吧",
        "那就法院见，我会起诉",
        "不退货投诉你",
        "再不发货我就投诉了",
        "别逼我投诉",
        "已经找消费者协会了",
        "退一赔三懂不懂",
        "給我等著，我要檢舉……我要舉報",
    ],
    "safety": [
        "充电的时候冒烟了",
        "孩子被划伤了，流血了",
        "插上就漏电",
        "暖风机通电以后一直往外冒火花",
        "插头插进去就打火",
        "炖锅的玻璃盖子忽然爆了",
        "电池鼓起来一大块",
        "烤箱一开家里就跳闸",
        "里面有股焦糊味",
        "吃完拉肚子去医院了",
        "玻璃门半夜炸了",
        "燃气灶有煤气味",
        "涂了以后脸红肿",
        "我真的不想活了",
    ],
    "giving_up": ["算了，不要了", "算了", "随便你们吧", "懒得跟你们争了", "就这样吧", "以后再也不来你们家了"],
}

NOTHING = [
    "不会给差评的",
    "没有要投诉",
    "我要投诉",
    "我要投诉送货的师傅",
    "想投诉，找谁",
    "灶台的打火灶好用吗",
    "买个打火机",
    "这款是爆款吗",
    "两个人没擦出火花",
    "我没想投诉你们",
    "不是要曝光什么",
    "没有冒烟",
    "不急的，慢慢来",
    "我不着急",
    "没受伤，放心",
    "一星期能到吗",
    "个体工商户能开专票吗",
    "我打算了解一下这款",
    "工商银行的卡能付吗",
    "滚筒洗衣机多少钱",
    "我朋友说“再这样就去12315”",
    "客服说：「请不要投诉」",
    "电话急救包有货吗",
]


def test_mood_and_signals_are_the_same_without_a_reading(reader: Reader) -> None:
    quoted = (Turn("充电的时候冒烟了，请马上断电", "agent"),)
    texts = [text for found in SIGNALS.values() for text in found] + NOTHING
    for text in [*texts, "", "／", "气死我了！！", "充电的时候冒烟了，请马上断电"]:
        for context in ((), quoted):
            reading = reader.read(text, context=context)
            assert reader.feel(text, context=context) == (reading.mood, reading.signals), text
    assert reader.feel(quoted[0].text)[1] and not reader.feel(quoted[0].text, context=quoted)[1]


@pytest.mark.parametrize(("name", "text"), [(n, t) for n, texts in SIGNALS.items() for t in texts])
def test_a_signal_is_found_with_its_words(reader: Reader, name: str, text: str) -> None:
    found = {s.name: s for s in reader.read(text).signals}
    assert name in found
    signal = found[name]
    assert text[signal.start : signal.end] == signal.text != ""


@pytest.mark.parametrize("text", NOTHING)
def test_negations_quotes_and_look_alikes_are_no_signal(reader: Reader, text: str) -> None:
    assert [s.name for s in reader.read(text).signals] == []


def test_the_names_are_those_that_the_hand_over_knows(reader: Reader) -> None:
    assert {name for name, _ in reader._mood._signals} == set(SIGNALS)
    assert {mood.value for mood in Mood} == {
        "calm",
        "angry",
        "complaining",
        "hesitant",
        "cheerful",
        "worried",
    }


MOODS = {
    Mood.ANGRY: [
        "垃圾平台，骗子！",
        "气死我了",
        "你们就是这个态度？太过分了",
        "人呢",
        "结果呢？",
        "我还要等多久",
        "说话不算数",
        "一直不回我，踢皮球呢",
        "凭什么让我出运费",
        "😡",
    ],
    Mood.COMPLAINING: ["又坏了，质量太差", "都五天了还没到", "等了好久", "打了第三次了", "有点失望"],
    Mood.WORRIED: ["我担心送不到", "会不会丢了呀", "我过敏体质，有点怕", "包裹丢了可怎么办"],
    Mood.HESITANT: ["我再考虑一下吧", "两个都喜欢，拿不定主意", "不知道该选哪个", "又不想退了", "要不要买呢"],
    Mood.CHEERFUL: ["哈哈太好了", "很满意", "收到啦，真好看", "😄"],
    Mood.CALM: [
        "发票抬头写公司",
        "没生气，就是问问",
        "我不担心",
        "不纠结了，就它",
        "会起球吗",
        "这个容易掉色吗",
        "不方便的话也没关系的",
        "不是很满意这个颜色的图，换一张看看",
        "",
    ],
}


@pytest.mark.parametrize(("mood", "text"), [(m, t) for m, texts in MOODS.items() for t in texts])
def test_moods(reader: Reader, mood: Mood, text: str) -> None:
    reading = reader.read(text)
    if mood is Mood.CALM:
        assert reading.mood not in {Mood.ANGRY, Mood.WORRIED, Mood.HESITANT, Mood.CHEERFUL}
        assert "不是很满意" in text or reading.mood is Mood.CALM
    else:
        assert reading.mood is mood
        assert reading.mood_words and reading.mood_words in text
    assert reading.to_json()["mood_words"] == reading.mood_words


@pytest.mark.parametrize("text", ["12315！！！", "冒烟了", "急急急", "气死我了", "😡😡😡"])
def test_mood_and_signals_alone_name_no_type(reader: Reader, text: str) -> None:
    assert reader.read(text, context=[Turn("您好", "agent")]).temperament is None
