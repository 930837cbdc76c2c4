"""A notebook in a browser's page, by what a user sees and does; every wait is for something on the page."""

import json
import time

import nbformat
from playwright.sync_api import expect

TIMEOUT_S = 60.0

# The status bar alone is not enough: it says "idle" while there is no kernel yet.
_READY = """cells => {
  const kernel = document.querySelector('.jp-NotebookPanel .jp-KernelName')?.textContent.trim();
  const items = document.querySelectorAll('#jp-main-statusbar .jp-StatusBar-TextItem');
  const status = [...items].map(item => item.textContent);
  return document.querySelectorAll('.jp-NotebookPanel .jp-Cell').length === cells
    && kernel && kernel !== 'No Kernel' && status.includes(kernel + ' | Idle')
    && !document.querySelector('.jp-Dialog');
}"""

# One entry for each change of a load's bar: what it shows, and the prompt of its cell at that moment.
_RECORD = """() => {
  window.seen = [];
  let last = '';
  const look = () => document.querySelectorAll('.jp-Notebook .snowpipe .track:not(.thin)').forEach(bar => {
    const cell = bar.closest('.jp-Cell');
    const entry = {name: bar.getAttribute('aria-label'), now: +bar.getAttribute('aria-valuenow'),
      text: bar.getAttribute('aria-valuetext'),
      prompt: cell?.querySelector('.jp-InputArea-prompt')?.textContent.trim()};
    const key = JSON.stringify(entry);
    if (key !== last) { last = key; window.seen.push(entry); }
  });
  new MutationObserver(look).observe(document.body, {subtree: true, childList: true, attributes: true});
}"""


class NotebookPage:
    """A notebook open in JupyterLab.

    Args:
        page: Playwright's page.
        lab: the server.
        name: the notebook's file name in the server's folder.
    """

    def __init__(self, page, lab, name):
        self.page = page
        self.lab = lab
        self.file = lab.root / name
        self.page.set_default_timeout(1000 * TIMEOUT_S)

    def open(self):
        cells = len(json.loads(self.file.read_text())["cells"])
        self.page.goto(f"{self.lab.url}/lab/tree/{self.file.name}?reset&token={self.lab.token}")
        self.page.wait_for_function(_READY, arg=cells)
        self.page.evaluate(_RECORD)

    def cell(self, number):
        return self.page.locator(".jp-Notebook .jp-Cell").nth(number)

    def run(self, number):
        """Run a cell by keyboard, as a user does; returns at once."""
        cell = self.cell(number)
        deadline = time.monotonic() + TIMEOUT_S
        # Outputs above may grow or fold just then, and the click goes beside it.
        while "jp-mod-active" not in cell.get_attribute("class"):
            assert time.monotonic() < deadline, f"cell {number} could not be selected"
            cell.locator(".jp-InputPrompt").click()
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("Control+Enter")

    def prompt(self, number):
        """A cell's prompt, such as "[*]:" or "[3]:"."""
        return self.cell(number).locator(".jp-InputArea-prompt").first.text_content().strip()

    def wait_until_run(self, number):
        """Wait until a cell has been run to its end."""
        self.page.wait_for_function(
            """number => /^\\[\\d+\\]:$/.test(document.querySelectorAll('.jp-Notebook .jp-Cell')[number]
                 .querySelector('.jp-InputArea-prompt').textContent.trim())""",
            arg=number,
        )

    def wait_for_other_text(self, locator):
        """Wait until something says something else than now."""
        expect(locator).not_to_have_text(locator.text_content(), timeout=1000 * TIMEOUT_S)

    def run_to_end(self, *numbers):
        for number in numbers:
            self.run(number)
            self.wait_until_run(number)

    def output(self, number):
        return self.cell(number).locator(".jp-OutputArea-output")

    def interrupt(self):
        """Interrupt the kernel from the Kernel menu."""
        self.page.locator("#jp-MainMenu").get_by_role("menuitem", name="Kernel", exact=True).click()
        self.page.locator(".lm-Menu").get_by_role("menuitem", name="Interrupt Kernel", exact=False).click()

    def seen(self, load_id):
        """What a load's bar has shown so far."""
        return [e for e in self.page.evaluate("() => window.seen") if e["name"].endswith(f", load {load_id}")]

    def wait_until_seen(self, load_id, states, *, prompt):
        """Wait until a load's bar has shown some different states while its cell's prompt was this."""
        self.page.wait_for_function(
            """([name, states, prompt]) =>
                 new Set(window.seen.filter(e => e.name.endsWith(name) && e.prompt === prompt)
                   .map(e => e.text)).size >= states""",
            arg=[f", load {load_id}", states, prompt],
        )

    def save(self, until):
        """Save, and return the notebook once its file satisfies `until`."""
        deadline = time.monotonic() + TIMEOUT_S
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("Control+s")
        while True:
            saved = nbformat.read(self.file, as_version=4)
            if until(saved):
                return saved
            assert time.monotonic() < deadline, "the notebook was not saved as expected"
            self.page.wait_for_timeout(100)
