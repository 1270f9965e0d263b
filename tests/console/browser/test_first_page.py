"""The first page: how much of it there is, how soon it is there, and how it is used by keyboard."""

from __future__ import annotations

from tests.support.browser import Visit

# A slow phone: a poor mobile network, and a processor that takes four times as long.
NETWORK = {
    "offline": False,
    "latency": 150,  # milliseconds
    "downloadThroughput": 1_600_000 / 8,  # bytes a second
    "uploadThroughput": 750_000 / 8,
}
SLOWER = {"rate": 4}
LOADED = """async () => {
    const timing = performance.getEntriesByType("navigation")[0]
    const paints = performance.getEntriesByName("first-contentful-paint")
    return [paints[0]?.startTime ?? 0, timing.loadEventEnd]
}"""


def test_first_page_on_a_slow_phone_is_small(tab: Visit) -> None:
    page = tab.page
    devtools = page.context.new_cdp_session(page)
    sizes: list[float] = []
    devtools.on("Network.loadingFinished", lambda found: sizes.append(found["encodedDataLength"]))
    devtools.send("Network.enable")
    devtools.send("Network.emulateNetworkConditions", NETWORK)
    devtools.send("Emulation.setCPUThrottlingRate", SLOWER)
    page.set_viewport_size({"width": 360, "height": 640})
    for address in ("/", "/log-in"):  # the second one has the style already
        sizes.clear()
        tab.open(address)
        page.wait_for_function("performance.getEntriesByType('navigation')[0].loadEventEnd > 0")
        painted, loaded = page.evaluate(LOADED)
        print(f"{address}: {sum(sizes):,.0f} bytes, painted {painted:.0f}, loaded {loaded:.0f} ms")
        assert 1000 < sum(sizes) < 100_000
    assert tab.complaints == []


def test_first_page_is_used_with_the_keyboard(tab: Visit) -> None:
    tab.open("/")
    keyboard = tab.page.keyboard
    keyboard.press("Tab")
    assert tab.page.evaluate("document.activeElement.className") == "skip"
    keyboard.press("Enter")
    keyboard.press("Tab")
    assert tab.page.evaluate("document.activeElement.id") == "q"
    keyboard.type("dermatology")
    with tab.page.expect_navigation():
        keyboard.press("Enter")
    assert "q%3Ddermatology" in tab.page.url  # the search, after a log-in


def test_rules_of_the_style_are_not_inside_each_other(tab: Visit) -> None:
    tab.open("/")
    nested = """[...document.styleSheets].flatMap(sheet => [...sheet.cssRules])
        .filter(rule => rule instanceof CSSStyleRule && rule.cssRules.length)
        .map(rule => rule.selectorText)"""
    assert tab.page.evaluate("document.styleSheets.length") == 1
    assert tab.page.evaluate(nested) == []  # a brace is missing
