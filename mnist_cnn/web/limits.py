"""What the server accepts from its visitors. Whoever is refused is told the limit."""

MAX_FILE_MB = 10  # of one picture; here and below, an MB is 2 ** 20 bytes
MAX_REQUEST_MB = 64  # of one request's body
MAX_PAUSE = 20  # seconds without a byte from a client that is sending a request
MAX_BATCH_SIZE = 256  # pictures
MAX_BATCH_MEGAPIXELS = 200  # decoded, of all pictures of a batch together; a megapixel is 10 ** 6 pixels
MAX_BATCH_SECONDS = 30  # that a batch is read; what is left then is refused
MAX_REQUESTS = 100  # at once; an answer takes about 10 milliseconds, so the last of them waits about a second
MAX_QUEUE = 100  # requests of gradio_client and of /call that wait their turn
THREADS = 4  # that decode pictures; more would only compete, and hold more pictures in memory
UPLOADS_KEPT_FOR = 3600  # seconds
MAX_UPLOADS_MB = 1000  # of all uploads together; beyond that the oldest are deleted
MAX_READINGS_MB = 256  # of readings kept for explanations and corrections; beyond that the oldest are dropped
MAX_SKETCHES_MB = 64  # of drawings on the Sketchpad that are being sent; the oldest are dropped
STOP_SECONDS = 2.0  # that requests in flight get to finish when the server stops
