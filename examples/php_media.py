"""Upload a video and an image: the README of wechatpay-php, its arrows as dots."""

from __future__ import annotations

import tempfile
from pathlib import Path

from wechatpay_chain import Media, Sandbox
from wechatpay_chain.php import MediaUtil

with Sandbox() as gateway, gateway.builder() as instance, tempfile.TemporaryDirectory() as folder:
    video = Path(folder, "clip.mp4")
    video.write_bytes(b"no real video" * 1000)

    # new MediaUtil('/path/to/clip.mp4'): what is signed is its meta, the file is streamed.
    media = MediaUtil(str(video))
    resp = instance.v3.merchant.media.video_upload.post(
        {
            "body": media.getStream(),
            "headers": {"Content-Type": media.getContentType()},
        }
    )
    print(resp.getStatusCode(), resp.getBody())

    image = Path(folder, "logo.png")
    image.write_bytes(b"no real image")
    media = MediaUtil(image.as_uri())
    resp = instance.chain("v3/marketing/favor/media/image-upload").post(
        {"body": media.getStream(), "headers": {"Content-Type": media.getContentType()}}
    )
    print(resp.getBody())

    # The same in the native face.
    with gateway.client() as wxpay:
        print(wxpay.v3.merchant.media.video_upload.post(Media(video)).data["media_id"])
