"""What the server takes from its visitors. Whoever is refused is told the limit."""

MAX_FILE_MB = 10  # of one picture; here and below, 2 ** 20 bytes
MAX_REQUEST_MB = 64  # of the body of one request
MAX_PAUSE = 20  # seconds without anything from who sends a request
MAX_PIXELS = 40_000_000  # decoded: up to 160 MB, and as much again while the ink is looked for
MAX_BATCH_SIZE = 256  # pictures
MAX_REQUESTS = 100  # at once; an answer takes some 10 milliseconds, so the last of them waits about a second
MAX_QUEUE = 100  # requests of gradio_client and of /call that wait for their turn
THREADS = 4  # that decode pictures; more would be in each other's way, and hold more pictures in memory
UPLOADS_KEPT_FOR = 3600  # seconds
MAX_UPLOADS_MB = 1000  # of all uploads together; beyond it the oldest go first
STOP_SECONDS = 2.0  # that requests in flight are given when the server stops
