/* Gemini's row of the table of dialects. */
#include "dialect/gemini.h"

const struct dialect dialect_gemini = {
    .name = STR_INIT("gemini"),
    .kind = CALL_GENERATE,
    .read = gemini_read,
    .edit = gemini_edit,
    .tap_event = gemini_tap_event,
    .tap_frame = gemini_tap_frame,
    .tap_body = gemini_tap_body,
    .decode_call = gemini_decode_call,
    .decode_count = gemini_decode_count,
    .encode_call = gemini_encode_call,
    .decode_answer = gemini_decode_answer,
    .encode_answer = gemini_encode_answer,
    .decode_event = gemini_decode_event,
    .decode_end = gemini_decode_end,
    .encode_delta = gemini_encode_delta,
    .error = gemini_error,
    .error_wait = gemini_error_wait,
    .stream_error = gemini_stream_error,
};
