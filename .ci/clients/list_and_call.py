"""Drive a server with the Python `mcp` client and check what comes back.

Usage: list_and_call.py [--mode auto|legacy] [--protocol VERSION] [--server NAME] [--prefix TEXT]
       (URL | -- COMMAND ARGS...)

Exits 0 only when every answer is the expected one and, with --protocol, when that version was
negotiated.
"""

import argparse
import asyncio
import os

import mcp
import mcp_types as types
from mcp.client.stdio import StdioServerParameters


def check(what, got, wanted):
    """Fail loudly: an `assert` would vanish under `python -O`."""
    if got != wanted:
        raise SystemExit(f"python mcp: {what}: got {got!r}, wanted {wanted!r}")


def check_in(what, part, text):
    check(f"{what}: {part!r} in {text!r}", part in text, True)


class Exercise:
    """What is done with each of the servers. Names of tools and prompts begin with `prefix`."""

    def __init__(self, client, prefix):
        self.client = client
        self.prefix = prefix

    async def everything(self):
        await self.lists(
            tools={"echo", "get-sum", "get-structured-content", "trigger-elicitation-request"},
            prompts={"simple-prompt", "args-prompt", "completable-prompt"},
            resources={"demo://resource/static/document/features.md"},
            templates={"demo://resource/dynamic/text/{resourceId}"},
        )
        check("echo", await self.text_of("echo", message="grüße 東京"), "Echo: grüße 東京")
        check("get-sum", await self.text_of("get-sum", a=2, b=40), "The sum of 2 and 40 is 42.")
        weather = await self.call("get-structured-content", location="Chicago")
        check("structured keys", set(weather.structured_content), {"temperature", "conditions", "humidity"})

        check_in("prompt", "Chicago", await self.prompted("args-prompt", city="Chicago"))
        check_in("template", "Resource 7", await self.read("demo://resource/dynamic/text/7"))
        await self.read("demo://resource/static/document/features.md")
        completed = await self.completed("completable-prompt", "department", "Eng")
        check("completion", completed, ["Engineering"])

        long = "trigger-long-running-operation"
        await self.progresses(long, [1, 2, 3, 4], duration=0.4, steps=4)
        await self.cancelled(long, duration=40, steps=400)

        check_in("elicitation", "Name: Ada", await self.text_of("trigger-elicitation-request"))
        check_in("sampling", "sampled by Ada", await self.text_of("trigger-sampling-request", prompt="x"))
        check_in("roots", "file:///srv/ada", await self.text_of("get-roots-list"))
        return "tools, prompts, resources, completion, progress, cancellation, elicitation, sampling, roots"

    async def filesystem(self):
        tools = {tool.name: tool for tool in (await self.client.list_tools()).tools}
        check("schema", tools[self.prefix + "read_text_file"].input_schema["required"], ["path"])
        allowed = await self.text_of("list_allowed_directories")
        path = f"{allowed.strip().splitlines()[-1]}/grüße {os.getpid()}.txt"
        check_in("write", "Successfully", await self.text_of("write_file", path=path, content="one\ntwo\n"))
        check("read", await self.text_of("read_text_file", path=path, head=1), "one")
        outside = await self.call("read_text_file", path="/etc/hostname")
        check("a file outside is refused", outside.is_error, True)
        return "tools"

    async def fixture(self):
        await self.lists(
            tools={"test_simple_text", "test_elicitation"},
            prompts={"test_simple_prompt", "test_prompt_with_arguments"},
            resources={"test://static-text"},
            templates={"test://template/{id}/data"},
        )
        check_in("text", "simple text response", await self.text_of("test_simple_text"))
        check("error", (await self.call("test_error_handling")).is_error, True)
        prompt = await self.prompted("test_prompt_with_arguments", arg1="x", arg2="y")
        check_in("prompt", "x", prompt)
        await self.read("test://static-text")
        check_in("template", "42", await self.read("test://template/42/data"))
        await self.completed("test_prompt_with_arguments", "arg1", "p")
        await self.progresses("test_tool_with_progress", [0, 50, 100])
        if self.client.protocol_version == "2026-07-28":
            check_in("elicitation", "Ada", await self.text_of("test_input_required_result_elicitation"))
        else:
            check_in("elicitation", "action=accept", await self.text_of("test_elicitation", message="Who?"))
        return "tools, prompts, resources, completion, progress, elicitation"

    async def lists(self, tools, prompts, resources, templates):
        """Each of these is listed; other modules may list more."""
        client, named = self.client, lambda names: {self.prefix + name for name in names}
        got = {tool.name for tool in (await client.list_tools()).tools}
        check("missing tools", named(tools) - got, set())
        got = {prompt.name for prompt in (await client.list_prompts()).prompts}
        check("missing prompts", named(prompts) - got, set())
        got = {str(resource.uri) for resource in (await client.list_resources()).resources}
        check("missing resources", resources - got, set())
        listed = (await client.list_resource_templates()).resource_templates
        check("missing templates", templates - {template.uri_template for template in listed}, set())

    async def call(self, tool, progress_callback=None, **arguments):
        return await self.client.call_tool(self.prefix + tool, arguments, progress_callback=progress_callback)

    async def text_of(self, tool, **arguments):
        result = await self.call(tool, **arguments)
        check(f"{tool}: is_error in {result}", result.is_error, False)
        return "\n".join(block.text for block in result.content if block.type == "text")

    async def prompted(self, prompt, **arguments):
        result = await self.client.get_prompt(self.prefix + prompt, arguments)
        return "\n".join(message.content.text for message in result.messages)

    async def read(self, uri):
        text = (await self.client.read_resource(uri)).contents[0].text
        check(f"{uri} has text", len(text) > 0, True)
        return text

    async def completed(self, prompt, name, value):
        ref = types.PromptReference(type="ref/prompt", name=self.prefix + prompt)
        result = await self.client.complete(ref, {"name": name, "value": value})
        return list(result.completion.values)

    async def progresses(self, tool, wanted, **arguments):
        """Progress comes as wanted; the last may come too late for a client."""
        seen = []

        async def note(progress, total, message):
            seen.append(progress)

        result = await self.call(tool, progress_callback=note, **arguments)
        check(f"{tool}: is_error", result.is_error, False)
        check(f"{tool}: all but one of {wanted} in {seen}", len(seen) >= len(wanted) - 1, True)
        check(f"{tool}: progress", seen, wanted[: len(seen)])

    async def cancelled(self, tool, **arguments):
        """A call that is cancelled in its midst ends at once, and the next is answered."""
        begun = asyncio.Event()

        async def note(progress, total, message):
            begun.set()

        call = asyncio.create_task(self.call(tool, progress_callback=note, **arguments))
        await begun.wait()
        call.cancel()
        ended = await asyncio.gather(call, return_exceptions=True)
        check("a cancelled call ends", isinstance(ended[0], asyncio.CancelledError), True)
        check("echo", await self.text_of("echo", message="on"), "Echo: on")


async def elicit(context, params):
    content = {"name": "Ada", "username": "ada", "email": "ada@example.org"}
    return types.ElicitResult(action="accept", content=content)


async def sample(context, params):
    text = types.TextContent(type="text", text="sampled by Ada")
    return types.CreateMessageResult(role="assistant", content=text, model="none", stop_reason="endTurn")


async def roots(context):
    return types.ListRootsResult(roots=[types.Root(uri="file:///srv/ada", name="of Ada")])


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mode", choices=["auto", "legacy"], default="auto")
    parser.add_argument("--protocol", help="the version that must be negotiated")
    parser.add_argument("--server", choices=["everything", "filesystem", "fixture"], default="everything")
    parser.add_argument("--prefix", default="", help="what names of tools and prompts begin with")
    parser.add_argument("target", nargs="+", help="a URL, or a command and its arguments")
    return parser.parse_args()


async def main():
    arguments = parse_arguments()
    head, *rest = arguments.target
    is_url = head.startswith(("http://", "https://"))
    server = head if is_url else StdioServerParameters(command=head, args=rest)
    answers = {"elicitation_callback": elicit, "sampling_callback": sample, "list_roots_callback": roots}
    async with asyncio.timeout(60):
        async with mcp.Client(server, mode=arguments.mode, read_timeout_seconds=20, **answers) as client:
            if arguments.protocol is not None:
                check("protocol", client.protocol_version, arguments.protocol)
            done = await getattr(Exercise(client, arguments.prefix), arguments.server)()
            print(
                f"python mcp ({arguments.mode}): protocol {client.protocol_version}, "
                f"{arguments.server}: {done}: ok"
            )


asyncio.run(main())
