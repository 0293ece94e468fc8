"""Bytes in shared memory, which one process publishes and others read."""

import multiprocessing

from app.process.shared_bytes import SharedBytes

MAX_SIZE = 100_000


def test_publication_replaces_all_bytes_and_has_another_number():
    shared, numbers = SharedBytes(b"first\0", MAX_SIZE), set()
    for data in (b"first\0", b"", b"\0longer", bytes(MAX_SIZE)):
        shared.publish(data)
        number, published = shared.read()
        assert (number, published) == (shared.publication, data)
        numbers.add(number)
    assert len(numbers) == 4


def publish_alternately(shared, contents):
    """Publish two contents in turn, many times."""
    for _ in range(200):
        for content in contents:
            shared.publish(content)


def test_reader_never_sees_a_part_of_one_content_and_a_part_of_another():
    contents = (b"a" * MAX_SIZE, b"b" * (MAX_SIZE - 1))
    shared = SharedBytes(contents[0], MAX_SIZE)
    writer = multiprocessing.get_context("fork").Process(target=publish_alternately, args=(shared, contents))
    writer.start()
    read = set()
    while writer.is_alive():
        read.add(shared.read())
    assert {content for _, content in read} <= set(contents)
    assert shared.read() == (1 + 200 * 2, contents[1])
