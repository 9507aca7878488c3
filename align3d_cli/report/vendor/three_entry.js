// What the page's viewer uses of three.js; README.md beside this file says how three.min.js is made from it.
export {
  BufferAttribute, BufferGeometry, Camera, DataTexture, DepthTexture, GLSL3,
  LinearSRGBColorSpace, Matrix4, Mesh, NearestFilter, NoBlending, Points, Quaternion,
  RawShaderMaterial, Scene, UnsignedIntType, Vector3, WebGLRenderTarget, WebGLRenderer,
} from "three";
