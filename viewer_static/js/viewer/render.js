// Canvases that show a frame at its own size, one sample one pixel; CSS makes it larger or smaller.
// WebGL2 where there is one, else Canvas2D; both look grey up in the same table, so their pixels are the same.

/** @typedef {{samples: Uint8Array | Uint16Array, columns: number, rows: number}} Frame */
/** @typedef {{kind: string, canvas: HTMLCanvasElement, draw: (frame: Frame, table: Uint8Array) => void}} Renderer */

/**
 * The best renderer that this browser has; `lost` is called when it stops working, and another is to be asked for.
 * @param {() => void} lost
 * @returns {Renderer}
 */
export function renderer(lost) {
  const canvas = document.createElement("canvas");
  const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, preserveDrawingBuffer: true });
  if (!gl) {
    return plainRenderer();
  }
  canvas.addEventListener("webglcontextlost", lost, { once: true });
  return glRenderer(gl, canvas);
}

/** @returns {Renderer} */
export function plainRenderer() {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { alpha: false });
  if (!context) {
    throw new Error("this browser draws no canvas");
  }
  return {
    kind: "canvas2d",
    canvas,
    draw({ samples, columns, rows }, table) {
      resize(canvas, columns, rows);
      const image = context.createImageData(columns, rows);
      const pixels = new Uint32Array(image.data.buffer);
      for (let at = 0; at < pixels.length; at++) {
        const grey = table[samples[at] ?? 0] ?? 0;
        pixels[at] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
      }
      context.putImageData(image, 0, 0);
    },
  };
}

const VERTICES = `#version 300 es
void main() {
  gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0.0, 1.0);
}`;

// Rows of the image run from the top, those of the canvas from the bottom.
const FRAGMENTS = `#version 300 es
precision highp float;
precision highp int;
precision highp usampler2D;
uniform usampler2D samples;
uniform usampler2D table;
uniform int rows;
out vec4 colour;
void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  uint pattern = texelFetch(samples, ivec2(at.x, rows - 1 - at.y), 0).r;
  uint grey = texelFetch(table, ivec2(pattern & 255u, pattern >> 8), 0).r;
  colour = vec4(vec3(float(grey) / 255.0), 1.0);
}`;

/**
 * @param {WebGL2RenderingContext} gl
 * @param {HTMLCanvasElement} canvas
 * @returns {Renderer}
 */
function glRenderer(gl, canvas) {
  const program = linked(gl);
  const most = gl.getParameter(gl.MAX_TEXTURE_SIZE);
  const rowsAt = gl.getUniformLocation(program, "rows");
  gl.useProgram(program);
  gl.uniform1i(gl.getUniformLocation(program, "samples"), 0);
  gl.uniform1i(gl.getUniformLocation(program, "table"), 1);
  gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
  texture(gl, gl.TEXTURE0);
  texture(gl, gl.TEXTURE1);
  /** @type {Frame | null} */
  let uploaded = null;
  return {
    kind: "webgl2",
    canvas,
    draw(frame, table) {
      const { samples, columns, rows } = frame;
      if (columns > most || rows > most) {
        throw new RangeError("the frame is larger than textures may be");
      }
      resize(canvas, columns, rows);
      if (uploaded !== frame) {
        const [format, type] =
          samples instanceof Uint8Array ? [gl.R8UI, gl.UNSIGNED_BYTE] : [gl.R16UI, gl.UNSIGNED_SHORT];
        gl.activeTexture(gl.TEXTURE0);
        gl.texImage2D(gl.TEXTURE_2D, 0, format, columns, rows, 0, gl.RED_INTEGER, type, samples);
        uploaded = frame;
      }
      gl.activeTexture(gl.TEXTURE1);
      gl.texImage2D(
        gl.TEXTURE_2D, 0, gl.R8UI, 256, table.length >> 8, 0, gl.RED_INTEGER, gl.UNSIGNED_BYTE, table,
      );
      gl.viewport(0, 0, columns, rows);
      gl.uniform1i(rowsAt, rows);
      gl.drawArrays(gl.TRIANGLES, 0, 3);
    },
  };
}

/** @param {WebGL2RenderingContext} gl */
function linked(gl) {
  const program = gl.createProgram();
  for (const [type, source] of /** @type {[number, string][]} */ ([
    [gl.VERTEX_SHADER, VERTICES],
    [gl.FRAGMENT_SHADER, FRAGMENTS],
  ])) {
    const shader = gl.createShader(type);
    if (shader) {
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) {
    throw new Error(`shader: ${gl.getProgramInfoLog(program)}`);
  }
  return program;
}

/**
 * Integer textures know no interpolation.
 * @param {WebGL2RenderingContext} gl
 * @param {number} unit
 */
function texture(gl, unit) {
  gl.activeTexture(unit);
  gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
  for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) {
    gl.texParameteri(gl.TEXTURE_2D, name, gl.NEAREST);
  }
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {number} columns
 * @param {number} rows
 */
function resize(canvas, columns, rows) {
  if (canvas.width !== columns || canvas.height !== rows) {
    canvas.width = columns;
    canvas.height = rows;
  }
}
