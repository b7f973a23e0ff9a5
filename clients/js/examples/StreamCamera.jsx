// React Native with expo-camera: a phone streams its camera and shows alerts.
//
//   <StreamCamera baseUrl="https://backline.example" streamId="front-door" token={deviceToken} />
//
// `token` is created on the stream's page ("Device tokens"). It is valid for this stream only.
import { CameraView, useCameraPermissions } from "expo-camera";
import { useEffect, useRef, useState } from "react";
import { Button, Text, View } from "react-native";
import { Streams } from "backline-client";

const EVERY_MS = 200;

export function StreamCamera({ baseUrl, streamId, token }) {
  const camera = useRef(null);
  const [permission, ask] = useCameraPermissions();
  const [words, setWords] = useState("");
  const granted = permission?.granted ?? false;

  useEffect(() => {
    if (!granted) return undefined;
    let going = true;
    // A device's token is valid for thirty days and cannot be renewed: the owner must replace it in time.
    const tokens = { get: async () => token, discard: () => {} };
    const streams = new Streams({ baseUrl, tokens });
    const stream = streams.register({
      streamId,
      clientType: "mobile",
      produces: ["video-frame"],
      consumes: ["alert"],
      onState: (state, problem) => setWords(problem?.detail ?? state),
      onMessage: ({ text }) => setWords(text),
    });
    (async () => {
      while (going) {
        const begun = Date.now();
        const capturedAt = Math.round(streams.now());
        const picture = await camera.current?.takePictureAsync({ base64: true, quality: 0.4, skipProcessing: true, shutterSound: false });
        if (picture) {
          const bytes = Uint8Array.from(atob(picture.base64), (letter) => letter.charCodeAt(0));
          stream.sendFrame("video-frame", bytes, { capturedAt });
        }
        await new Promise((resolve) => setTimeout(resolve, Math.max(0, EVERY_MS - (Date.now() - begun))));
      }
    })().catch((error) => setWords(error.message));
    return () => {
      going = false;
      streams.close();
    };
  }, [baseUrl, streamId, token, granted]);

  if (!granted) return <Button title="Allow the camera" onPress={ask} />;
  return (
    <View style={{ flex: 1 }}>
      <CameraView ref={camera} style={{ flex: 1 }} facing="back" />
      <Text>{words}</Text>
    </View>
  );
}
