"""A small HTTP server on loopback that speaks the OpenAI chat API, and fails where it is told to.

python tests/support/chat_server.py        # prints its address and serves until it is stopped
"""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

QUALITY = (
    "The edges stay crisp and the exposure holds detail from the deep shadows up to the sky. A little grain in "
    "the dark corners and slight blocking round the leaves keep the picture from being flawless."
)
BEAUTY = (
    "The composition leads the eye along a quiet diagonal and the frame leaves it room to breathe. Warm light "
    "falls on muted colours, and the long shadow gives the shapes a soft weight that I keep coming back to. "
    "The focus sits where it should and the exposure is gentle, so that the execution never gets in the way of "
    "what is shown. It is hardly an original idea, yet the small tilt of the horizon makes it feel fresh "
    "instead of staged. The theme is an ordinary evening, told without fuss, and the subject seems unaware of "
    "being watched. What stays with me is the mood, calm and a little lonely, the kind of feeling that asks "
    "for silence. All parts belong together and nothing looks cluttered or left over. On balance I find it a "
    "pleasant picture that does one simple thing with care and then stops."
)


class ChatServer(ThreadingHTTPServer):
    """`faults` are taken one a request before it answers; `answers` may replace what it says, by role.

    `respond(handler, body)` may answer in place of it: it returns whether it did. `shape(reply)` changes a reply.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, faults=(), answers=None, delay=0.0, respond=None, shape=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.faults, self.answers, self.delay = list(faults), answers or {}, delay
        self.respond, self.shape = respond, shape
        self.requests, self.answered, self.lock = [], [], threading.Lock()
        self.url = f"http://127.0.0.1:{self.server_port}/v1"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        """A client that hung up is no news here."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.requests.append(body)
            fault = self.server.faults.pop(0) if self.server.faults else None
        if self.server.respond is not None and self.server.respond(self, body):
            return None
        if fault == "stall":
            time.sleep(3)
        if fault == "junk":
            return self.reply(200, b"<html>upstream hiccup</html>", "text/html")
        if fault == "hang up":
            return self.connection.close()
        if isinstance(fault, int):
            return self.reply(fault, json.dumps({"error": {"message": "not now"}}).encode(), **{"Retry-After": "0"})
        time.sleep(self.server.delay)
        text = "" if fault == "empty" else '{"grounded": ' if fault == "half" else self.answer(body)
        message = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
        reply = {"id": "x", "object": "chat.completion", "created": 0, "model": body["model"], "choices": [message]}
        with self.server.lock:
            self.server.answered.append(body)
        reply["usage"] = usage
        if self.server.shape is not None:
            reply = self.server.shape(reply) or reply
        return self.reply(200, json.dumps(reply).encode())

    def answer(self, body):
        asked = json.dumps(body["messages"])
        role = "judge" if "A writer explains" in asked else "iqa" if "technical quality" in asked else "iaa"
        default = {"judge": '{"grounded": true, "reason": "all of it can be seen"}', "iqa": QUALITY, "iaa": BEAUTY}
        said = self.server.answers.get(role, default[role])
        return said(body) if callable(said) else said

    def reply(self, status, content, kind="application/json", **headers):
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


if __name__ == "__main__":
    with ChatServer() as server:
        print(server.url, flush=True)
        threading.Event().wait()
